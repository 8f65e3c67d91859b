import type { DaemonSetRecord, ObjectRecord, RevisionRecord } from '../../src/kube/records.ts';
import { type Mutant, mutant, plant } from './mutant.ts';

type Checking = typeof import('../../src/controller/revision-check.ts');
type Machines = typeof import('../../src/cache/reflector-machine.ts');
type Input<T extends ObjectRecord> = import('../../src/cache/reflector-machine.ts').ReflectorInput<T>;

const CHECK = 'src/controller/revision-check.ts';
const MACHINE = 'src/cache/reflector-machine.ts';

/** Bugs of which revision is taken for the newest one. */
export const REVISION_MUTANTS: readonly Mutant[] = [
  mutant(
    'revisions-unchecked',
    'wanted-pod',
    'the newest revision that was told is relied on, however late its watch is',
    plant<Checking>(CHECK, {
      RevisionCheck: (Original) =>
        class extends Original {
          override problem(): undefined {
            return undefined;
          }
        },
    }),
  ),
  mutant(
    'answer-not-awaited',
    'wanted-pod',
    'revisions are asked for anew, and the answer is not waited for',
    plant<Checking>(CHECK, {
      RevisionCheck: (Original) =>
        class extends Original {
          override look(daemonSet: DaemonSetRecord, newest: RevisionRecord | undefined, nowMs: number) {
            const step = super.look(daemonSet, newest, nowMs);
            if (step === 'list') this.onRead();
            return step;
          }
        },
    }),
  ),
  mutant(
    'fresh-from-cache',
    'wanted-pod',
    'the revisions that were asked for anew come from a cache that is behind, and their templates are not compared',
    plant<Machines>(MACHINE, {
      ReflectorMachine: (Original) =>
        class<T extends ObjectRecord> extends Original<T> {
          override handle(input: Input<T>, nowMs: number) {
            const effects = super.handle(input, nowMs);
            if (input.type !== 'relist') return effects;
            return effects.map((effect) =>
              effect.type === 'list' ? { ...effect, resourceVersion: '0', limit: 0 } : effect,
            );
          }
        },
    }),
    plant<Checking>(CHECK, {
      RevisionCheck: (Original) =>
        class extends Original {
          override look(daemonSet: DaemonSetRecord, newest: RevisionRecord | undefined, nowMs: number) {
            const alike = newest && { ...newest, templateDigest: daemonSet.templateDigest };
            return super.look(daemonSet, alike, nowMs);
          }
        },
    }),
  ),
];
