import { type Mutant, one } from './mutant.ts';

const DEFINITION = 'src/rollout/definition.ts';
const TASKS = 'src/rollout/tasks.ts';

/** Bugs in what is done about objects that cannot be read as they are now. */
export const UNREADABLE_MUTANTS: readonly Mutant[] = [
  one('unreadable-daemonset-decides', 'a DaemonSet that cannot be read is taken as it was', {
    file: DEFINITION,
    find: 'const problem = daemonSet.unreadable ?? this.#revisionProblem;',
    replace: 'const problem = this.#revisionProblem;',
  }),
  one('unreadable-revision-decides', 'a revision that cannot be read is taken as it was', {
    file: DEFINITION,
    find: 'const problem = daemonSet.unreadable ?? this.#revisionProblem;',
    replace: 'const problem = daemonSet.unreadable;',
  }),
  {
    name: 'unreadable-node-updated',
    bug: 'a node that cannot be read is updated as it was',
    patches: [
      {
        file: 'src/rollout/classify.ts',
        find: '  if (slot.node?.unreadable !== undefined) return mask | BIT.unknown;\n',
        replace: '',
      },
      { file: TASKS, find: '  if (slot.node.unreadable !== undefined) return false;\n', replace: '' },
    ],
  },
  one('unreadable-node-leaves', 'what was asked of a node leaves though it cannot be read any more', {
    file: TASKS,
    find: '  if (slot.node.unreadable !== undefined) return false;\n',
    replace: '',
  }),
  one('unreadable-pod-serves', 'a pod that cannot be read is taken as it was', {
    file: 'src/kube/availability.ts',
    find: 'return isFinished(pod) || pod.unreadable !== undefined;',
    replace: 'return isFinished(pod);',
  }),
  one('unreadable-pod-gone', 'a pod that cannot be read is forgotten, and a deletion on its way to it', {
    file: 'src/cache/resources.ts',
    find: 'whatIsLeft: podLeft,',
    replace: 'whatIsLeft: () => undefined,',
  }),
  one('unreadable-pod-marked', 'a pod that cannot be read is marked', {
    file: 'src/rollout/marks.ts',
    find: ' || pod.unreadable !== undefined',
    replace: '',
  }),
  one('readable-unheard', 'an object that can be read again as it was is no news', {
    file: 'src/cache/store.ts',
    find: 'previous.unreadable === undefined && isSameExceptVersion',
    replace: 'isSameExceptVersion',
  }),
];
