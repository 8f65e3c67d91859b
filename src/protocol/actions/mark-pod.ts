import type { WriteAction } from './action.ts';

/** `hash`: of the newest revision; it goes into the condition's message. */
const fields = { needsUpgrade: 'flag', hash: 'text' } as const;

/** Writes OpenYurt's OTA condition `PodNeedUpgrade`; conditions are merged by their type, so all others stay as they are. */
export const markPod = {
  name: 'mark',
  number: 2,
  kind: 'write',
  call: { verb: 'patch', apiGroup: '', resource: 'pods', subresource: 'status', scope: 'namespaced' },
  fields,
  // For another pod of that name the API server answers 422 ("field is immutable"), and for a patch that is invalid, too.
  readAfter: { 409: 'retry', 422: 'final' },
  words: {
    one: 'the condition',
    many: 'marks',
    todo: 'to mark the pod',
    done: 'pod marked',
    gone: 'pod was gone before it was marked',
    unknown: 'pod mark sent, not known whether it was done',
    wouldBe: 'dry run: pod would be marked',
  },
  content({ uid, needsUpgrade, hash }, wallTime) {
    const condition = {
      type: 'PodNeedUpgrade',
      status: needsUpgrade ? 'True' : 'False',
      message: `controllerrevision: ${hash}`,
      lastTransitionTime: wallTime,
    };
    return { body: { metadata: { uid }, status: { conditions: [condition] } }, patch: 'strategic-merge' };
  },
} as const satisfies WriteAction<typeof fields>;
