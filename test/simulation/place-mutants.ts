import { type Mutant, one } from './mutant.ts';

const CLASSIFY = 'src/rollout/classify.ts';
const PACE = 'src/rollout/pace-feed.ts';

/** Bugs in who keeps a place in the budget, for how long, and what is remembered of it. */
export const PLACE_MUTANTS: readonly Mutant[] = [
  one('woken-at-infinity', 'a pace that waits for nothing asks to be woken at infinity', {
    file: PACE,
    find: 'this.#wakeMs = wakeMs === NEVER ? undefined : wakeMs;',
    replace: 'this.#wakeMs = wakeMs;',
  }),
  one('pace-never-forgets', 'deletions that the pace has followed to their end are kept for ever', {
    file: PACE,
    find: '    this.#goneAtMs.delete(slot);\n',
    replace: '',
  }),
  one('lost-is-read-late', 'what became of a deletion without an answer is read after half an hour', {
    file: 'src/rollout/asks.ts',
    find: 'export const OBSERVE_UNKNOWN_AFTER_MS = 5_000;',
    replace: 'export const OBSERVE_UNKNOWN_AFTER_MS = 1_800_000;',
  }),
  one('not-ready-never-failed', 'a node that its new pod took down gives its place in the budget to another one', {
    file: CLASSIFY,
    find: 'if (isNodeFailed(slot, facts)) return',
    replace: 'if (slot.nodeName === "" && isNodeFailed(slot, facts)) return',
  }),
  one('not-ready-always-failed', 'every node that is NotReady keeps a place in the budget', {
    file: CLASSIFY,
    find: 'if (isNodeFailed(slot, facts)) return',
    replace: 'if (slot.nodeName !== "" || isNodeFailed(slot, facts)) return',
  }),
  one('failure-forgotten', 'a node that its new pod took down is free again when others delete that pod', {
    file: 'src/rollout/observe.ts',
    find: 'else if (slot.notReadySinceMs === NEVER) slot.replacedAtMs = nowMs;',
    replace: 'else slot.replacedAtMs = nowMs;',
  }),
  one('gone-nodes-named', 'nodes that failed and are gone are kept to be named', {
    file: 'src/rollout/slot-book.ts',
    find: 'if (slot.failureToldHash !== undefined && (mask & BIT.eligible) === 0) {',
    replace: "if (slot.nodeName === '') {",
  }),
  one('not-ready-not-held', 'a deletion on its way to a node that went NotReady gives its place to another one', {
    file: CLASSIFY,
    find: '(isHeld ? BIT.inFlight | BIT.reserved : 0)',
    replace: '(isHeld ? 0 : 0)',
  }),
];
