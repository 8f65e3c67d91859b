import { type Mutant, mutant, plant } from './mutant.ts';

type Contacts = typeof import('../../src/cache/contact.ts');
type Notes = typeof import('../../src/cache/contact-notes.ts');
const CONTACT = 'src/cache/contact.ts';
const NOTES = 'src/cache/contact-notes.ts';

/** Bugs in what is decided on a view that has not been confirmed for too long. */
export const VIEW_MUTANTS: readonly Mutant[] = [
  mutant(
    'stale-decides',
    'stale-view',
    'what is known to be out of date is decided on',
    plant<typeof import('../../src/rollout/definition.ts')>('src/rollout/definition.ts', {
      Definition: (Original) =>
        class extends Original {
          override setSynced(isSynced: boolean, _stale: string | undefined, nowMs: number) {
            return super.setSynced(isSynced, undefined, nowMs);
          }
        },
    }),
  ),
  mutant(
    'first-failure-forgotten',
    'stale-view',
    'a stream has been failing since its latest failure, not since its first',
    plant<Contacts>(CONTACT, {
      Contact: (Original) =>
        class extends Original {
          override failed(reason: string, nowMs: number): void {
            const { silentMs } = this.report(nowMs);
            super.received(nowMs - silentMs);
            super.failed(reason, nowMs);
          }
        },
    }),
  ),
  mutant(
    'silence-unheard',
    'stale-view',
    'a stream that brings nothing and does not fail is relied on for ever',
    plant<Contacts>(CONTACT, {
      CONTACT_LIMITS: (limits) => ({ ...limits, silentMs: Number.POSITIVE_INFINITY }),
    }),
  ),
  mutant(
    'page-confirms',
    'stale-view',
    'a list that is answered ends the failing of the watch after it',
    plant<Contacts>(CONTACT, {
      Contact: (Original) =>
        class extends Original {
          override heard(nowMs: number): void {
            this.received(nowMs);
          }
        },
    }),
  ),
  mutant(
    'accepted-confirms',
    'stale-view',
    'a watch that is accepted and cut at once is relied on',
    plant<Contacts>(CONTACT, {
      Contact: (Original) =>
        class extends Original {
          override opened(nowMs: number): void {
            this.received(nowMs);
            super.opened(nowMs);
          }
        },
    }),
  ),
  mutant(
    'closed-confirms',
    'stale-view',
    'a watch that ended at once counts as open until something else happens',
    plant<Notes>(NOTES, {
      noteInput: (original) => (contact, input, nowMs) => {
        if (input.type !== 'watch-ended' && input.type !== 'watch-failed') original(contact, input, nowMs);
      },
    }),
  ),
  mutant(
    'no-catch-up',
    'stale-view',
    'the first event after a loss is taken for all that was missed',
    plant<Contacts>(CONTACT, {
      LossMemory: (Original, { lossOf }) =>
        class extends Original {
          readonly #limits: Parameters<typeof lossOf>[1];

          constructor(limits: ConstructorParameters<typeof Original>[0]) {
            super(limits);
            this.#limits = limits;
          }

          override lossOf(report: Parameters<typeof lossOf>[0]): string | undefined {
            return lossOf(report, this.#limits);
          }
        },
    }),
  ),
  mutant(
    'narrow-view',
    'stale-view',
    'nodes that are not confirmed block nobody',
    plant<typeof import('../../src/controller/view-losses.ts')>('src/controller/view-losses.ts', {
      NODES_VIEW: (view) => ({ ...view, scope: { of: 'namespace', namespace: 'nodes' } }),
    }),
  ),
];
