import type { NodeRecord, PodRecord, RevisionRecord } from '../../src/kube/records.ts';
import type { Slot } from '../../src/rollout/slot-state.ts';
import { type Mutant, mutant, plant } from './mutant.ts';

type Definitions = typeof import('../../src/rollout/definition.ts');
type Rollouts = typeof import('../../src/rollout/rollout.ts');
const DEFINITION = 'src/rollout/definition.ts';
const ROLLOUT = 'src/rollout/rollout.ts';

function readable<T extends { readonly unreadable?: string | undefined }>({ unreadable: _, ...record }: T): T {
  return record as unknown as T;
}

/** Bugs in what is done about objects that cannot be read as they are now. */
export const UNREADABLE_MUTANTS: readonly Mutant[] = [
  mutant(
    'unreadable-daemonset-decides',
    'unreadable',
    'a DaemonSet that cannot be read is taken as it was',
    plant<Definitions>(DEFINITION, {
      Definition: (Original) =>
        class extends Original {
          override setDaemonSet(...[daemonSet, ...others]: Parameters<InstanceType<typeof Original>['setDaemonSet']>) {
            return super.setDaemonSet(readable(daemonSet), ...others);
          }
        },
    }),
  ),
  mutant(
    'unreadable-revision-decides',
    'unreadable',
    'a revision that cannot be read is taken as it was',
    plant<Definitions>(DEFINITION, {
      Definition: (Original) =>
        class extends Original {
          override upsertRevision(revision: RevisionRecord) {
            return super.upsertRevision(readable(revision));
          }
        },
    }),
  ),
  mutant(
    'unreadable-node-updated',
    'unreadable',
    'a node that cannot be read is updated as it was',
    plant<Rollouts>(ROLLOUT, {
      Rollout: (Original) =>
        class extends Original {
          override upsertNode(node: NodeRecord, nowMs: number): void {
            super.upsertNode(readable(node), nowMs);
          }
        },
    }),
  ),
  mutant(
    'unreadable-node-leaves',
    'unreadable',
    'what was asked of a node leaves though it cannot be read any more',
    plant<typeof import('../../src/rollout/tasks.ts')>('src/rollout/tasks.ts', {
      taskOf: (original) => (slot: Slot, namespace, at) =>
        original(slot.node === undefined ? slot : { ...slot, node: readable(slot.node) }, namespace, at),
    }),
  ),
  mutant(
    'unreadable-pod-serves',
    'unreadable',
    'a pod that cannot be read is taken as it was',
    plant<Rollouts>(ROLLOUT, {
      Rollout: (Original) =>
        class extends Original {
          override upsertPod(pod: PodRecord, nowMs: number): void {
            super.upsertPod(readable(pod), nowMs);
          }
        },
    }),
  ),
  mutant(
    'unreadable-pod-gone',
    'budget',
    'a pod that cannot be read is forgotten, and a deletion on its way to it',
    plant<typeof import('../../src/cache/resources.ts')>('src/cache/resources.ts', {
      podSource: (original) => (options) => ({ ...original(options), whatIsLeft: () => undefined }),
    }),
  ),
  mutant(
    'unreadable-pod-marked',
    'unreadable',
    'a pod that cannot be read is marked',
    plant<typeof import('../../src/rollout/marks.ts')>('src/rollout/marks.ts', {
      pendingMark: (original) => (slot, facts) =>
        original({ ...slot, pods: slot.pods.map((pod) => ({ ...pod, record: readable(pod.record) })) }, facts),
    }),
  ),
];
