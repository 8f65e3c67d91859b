import type { DaemonSetRecord } from '../../src/kube/records.ts';
import { type Mutant, mutant, plant } from './mutant.ts';

type Controlling = typeof import('../../src/controller/controller.ts');
const CONTROLLER = 'src/controller/controller.ts';
const STRATEGY = 'apps.openyurt.io/update-strategy';

const keyOf = ({ namespace, name }: DaemonSetRecord): string => `${namespace}/${name}`;

/** Bugs in what is followed, and in what is kept of it. */
export const CONTROLLER_MUTANTS: readonly Mutant[] = [
  mutant(
    'opted-out-goes-on',
    'opted-out',
    'a DaemonSet that opted out is updated to the end',
    plant<Controlling>(CONTROLLER, {
      Controller: (Original) =>
        class extends Original {
          readonly #strategies = new Map<string, string>();

          override onDaemonSet(...[change, nowMs]: Parameters<InstanceType<typeof Original>['onDaemonSet']>): void {
            const { object } = change;
            const strategy = object.annotations[STRATEGY];
            const isOptedIn = strategy !== undefined && strategy !== 'Rolling';
            if (isOptedIn) this.#strategies.set(keyOf(object), strategy);
            const kept = this.#strategies.get(keyOf(object));
            const annotations = kept === undefined ? object.annotations : { ...object.annotations, [STRATEGY]: kept };
            super.onDaemonSet({ ...change, object: { ...object, annotations } }, nowMs);
          }
        },
    }),
  ),
  mutant(
    'recreated-not-noticed',
    'opted-out',
    'a DaemonSet that was deleted and created again is taken for the same one',
    plant<Controlling>(CONTROLLER, {
      Controller: (Original) =>
        class extends Original {
          readonly #uids = new Map<string, string>();

          override onDaemonSet(...[change, nowMs]: Parameters<InstanceType<typeof Original>['onDaemonSet']>): void {
            if (change.type === 'deleted') return;
            const { object } = change;
            const uid = this.#uids.get(keyOf(object)) ?? object.uid;
            this.#uids.set(keyOf(object), uid);
            super.onDaemonSet({ ...change, object: { ...object, uid } }, nowMs);
          }
        },
    }),
  ),
  mutant(
    'taken-back-in-silence',
    'idle',
    'a slot whose task was taken back is not looked at again',
    plant<typeof import('../../src/controller/followed.ts')>('src/controller/followed.ts', {
      Followed: (Original) =>
        class extends Original {
          constructor(...parts: ConstructorParameters<typeof Original>) {
            super(...parts);
            let isDirty = true;
            let isTakenBack = false;
            const { rollout } = this;
            const taskFor = rollout.taskFor.bind(rollout);
            rollout.taskFor = (slot, nowMs) => {
              const task = taskFor(slot, nowMs);
              isTakenBack = task === undefined;
              return task;
            };
            const set = (value: boolean): void => {
              if (!isTakenBack) isDirty = value;
              isTakenBack = false;
            };
            Object.defineProperty(this, 'isDirty', { get: () => isDirty, set });
          }
        },
    }),
  ),
  mutant(
    'said-for-ever',
    'livelock',
    'what was to be said about a DaemonSet that opted out stays due and keeps the loop awake',
    plant<typeof import('../../src/controller/notices.ts')>('src/controller/notices.ts', {
      NoticeBoard: (Original) =>
        class extends Original {
          override unfollowed(): void {}
        },
    }),
  ),
];
