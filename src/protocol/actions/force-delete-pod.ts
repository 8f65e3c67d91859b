import type { WriteAction } from './action.ts';
import { deletePod } from './delete-pod.ts';

/**
 * Deletes a pod that has been terminating for too long, without waiting for its kubelet. Its containers may still run
 * afterwards, so this is only for DaemonSets that ask for it.
 */
export const forceDeletePod = {
  ...deletePod,
  name: 'force-delete',
  number: 1,
  words: {
    one: 'the forced deletion',
    many: 'forced deletions',
    todo: 'to delete the stuck pod by force',
    done: 'pod deleted by force',
    gone: 'pod was gone before it was deleted by force',
    unknown: 'forced pod deletion sent, not known whether it was done',
    wouldBe: 'dry run: pod would be deleted by force',
  },
  content: (task) => ({ body: { ...deletePod.content(task).body, gracePeriodSeconds: 0 } }),
} as const satisfies WriteAction;
