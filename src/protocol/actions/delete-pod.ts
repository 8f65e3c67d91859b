import type { WriteAction } from './action.ts';

/** Deletes the pod, so that the DaemonSet controller creates one of the newest revision. */
export const deletePod = {
  name: 'delete',
  number: 0,
  kind: 'write',
  call: { verb: 'delete', apiGroup: '', resource: 'pods', scope: 'namespaced' },
  fields: {},
  // The API server answers 409 both when the pod of that name has another UID and when it was written to at the same time.
  readAfter: { 409: 'retry' },
  words: {
    one: 'the deletion',
    many: 'deletions',
    todo: 'to delete the pod',
    done: 'pod deleted',
    gone: 'pod was gone before it was deleted',
    unknown: 'pod deletion sent, not known whether it was done',
    wouldBe: 'dry run: pod would be deleted',
  },
  content: ({ uid }) => ({ body: { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid } } }),
} as const satisfies WriteAction;
