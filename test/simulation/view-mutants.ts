import { type Mutant, one } from './mutant.ts';

const CONTACT = 'src/cache/contact.ts';
const NOTES = 'src/cache/contact-notes.ts';
const VIEW = 'src/controller/view-losses.ts';

/** Bugs in what is decided on a view that has not been confirmed for too long. */
export const VIEW_MUTANTS: readonly Mutant[] = [
  one('stale-decides', 'what is known to be out of date is decided on', {
    file: 'src/rollout/definition.ts',
    find: 'if (this.#staleReason !== undefined) return',
    replace: "if (this.#staleReason === '') return",
  }),
  one('first-failure-forgotten', 'a stream has been failing since its latest failure, not since its first', {
    file: CONTACT,
    find: 'sinceMs: this.#failure?.sinceMs ?? nowMs, reason',
    replace: 'sinceMs: nowMs, reason',
  }),
  one('silence-unheard', 'a stream that brings nothing and does not fail is relied on for ever', {
    file: CONTACT,
    find: 'if (silentMs >= limits.silentMs) return `nothing',
    replace: 'if (silentMs < 0) return `nothing',
  }),
  one('page-confirms', 'a list that is answered ends the failing of the watch after it', {
    file: NOTES,
    find: 'contact.heard(nowMs);',
    replace: 'contact.received(nowMs);',
  }),
  one('accepted-confirms', 'a watch that is accepted and cut at once is relied on', {
    file: CONTACT,
    find: 'const OPEN_MS_MIN = 1000;',
    replace: 'const OPEN_MS_MIN = 0;',
  }),
  one('closed-confirms', 'a watch that ended at once counts as open until something else happens', {
    file: NOTES,
    find: 'contact.closed(nowMs);',
    replace: '',
  }),
  one('no-catch-up', 'the first event after a loss is taken for all that was missed', {
    file: CONTACT,
    find: 'const CATCH_UP_MS = 2000;',
    replace: 'const CATCH_UP_MS = 0;',
  }),
  one('narrow-view', 'nodes that are not confirmed block nobody', {
    file: VIEW,
    find: "stream: 'nodes', scope: { of: 'all' }",
    replace: "stream: 'nodes', scope: { of: 'namespace', namespace: 'nodes' }",
  }),
];
