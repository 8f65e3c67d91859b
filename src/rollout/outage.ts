import type { Facts } from './facts.ts';
import { firstPlace } from './first-place.ts';
import { type Happening, NEVER, type Slot } from './slot-state.ts';

/** A node that goes NotReady this long after minReadySeconds, counted from the replacement of its pod, is suspected. */
const SUSPECTED_MS = 5 * 60_000;
/** Nodes that go NotReady this close to each other went together. */
const TOGETHER_MS = 2 * 60_000;
/** When it is asked whether others went too, after the node did: those of a site are not noticed in one moment. */
const ASK_AGAIN_MS = [15_000, 30_000, 60_000, TOGETHER_MS + 5_000];
/** The share of others that must have gone, of the share of those whose pods were replaced. */
const SHARE = 0.5;
/** Lists are shortened in large steps, because that moves what stays. */
const PRUNE_STEP = 64;

/** For how long a node that goes NotReady is suspected to do so because of its new pod. */
export function suspectedMs(facts: Facts): number {
  return facts.minReadyMs + SUSPECTED_MS;
}

/** Whether the node went NotReady while its pod was replaced, or soon after. */
export function isSuspect({ replacedAtMs, notReadySinceMs, isAwaitingReplacement }: Slot, facts: Facts): boolean {
  if (notReadySinceMs === NEVER || replacedAtMs === NEVER) return false;
  const afterMs = notReadySinceMs - replacedAtMs;
  return afterMs >= 0 && (isAwaitingReplacement || afterMs <= suspectedMs(facts));
}

/** Takes down that the pod was replaced, or is being, by one of that revision. */
export function noteReplaced(slot: Slot, atMs: number, facts: Facts, hash = facts.target?.hash): void {
  slot.replacedAtMs = atMs;
  slot.replacedHash = hash;
  insert(slot.zone.replaced, { slot, atMs }, suspectedMs(facts) + 2 * TOGETHER_MS, facts.isSynced);
}

/** Takes down that the node went NotReady. */
export function noteDeparture(slot: Slot, facts: Facts): void {
  const departure = { slot, atMs: slot.notReadySinceMs };
  slot.departure = insert(slot.zone.departures, departure, 3 * TOGETHER_MS, facts.isSynced);
}

/**
 * Whether the node's surroundings went NotReady with it: of its zone, the share of the nodes whose pods were not replaced lately
 * is at least half of the share of those whose pods were. A version that takes its nodes down takes down only the latter.
 */
export function isOutage({ zone, notReadySinceMs }: Slot, facts: Facts): boolean {
  const gone = { recent: 0, others: 0 };
  const { departures, replaced } = zone;
  for (let index = firstFrom(departures, notReadySinceMs - TOGETHER_MS); index < departures.length; index += 1) {
    const departure = departures[index] as Happening;
    if (departure.atMs > notReadySinceMs + TOGETHER_MS) break;
    const { slot } = departure;
    const isLatest = slot.departure === departure && slot.notReadySinceMs === departure.atMs;
    // Who came back is counted with those that are Ready.
    if (isLatest && slot.zone === zone) gone[isSuspect(slot, facts) ? 'recent' : 'others'] += 1;
  }
  if (gone.others === 0) return false;
  let recent = gone.recent;
  for (let index = firstFrom(replaced, notReadySinceMs - suspectedMs(facts)); index < replaced.length; index += 1) {
    const { slot, atMs } = replaced[index] as Happening;
    if (slot.replacedAtMs === atMs && slot.zone === zone && slot.notReadySinceMs === NEVER) recent += 1;
  }
  const others = Math.max(gone.others, zone.readyCount + gone.recent + gone.others - recent);
  return gone.others / others >= (SHARE * gone.recent) / Math.max(1, recent);
}

/** When the question has to be asked again; NEVER: not any more. */
export function askAgainAtMs({ notReadySinceMs }: Slot, nowMs: number): number {
  for (const afterMs of ASK_AGAIN_MS) if (notReadySinceMs + afterMs > nowMs) return notReadySinceMs + afterMs;
  return NEVER;
}

/**
 * By time. What comes is mostly the latest; after a start the times are the API server's, in any order, and all are kept. Returns
 * what is in the list then: the same may have been there.
 */
function insert(list: Happening[], happening: Happening, keptMs: number, isPruned: boolean): Happening {
  for (let place = firstFrom(list, happening.atMs); list[place]?.atMs === happening.atMs; place += 1) {
    const same = list[place];
    if (same?.slot === happening.slot) return same;
  }
  const old = isPruned ? firstFrom(list, happening.atMs - keptMs) : 0;
  if (old > PRUNE_STEP) list.splice(0, old);
  list.splice(firstFrom(list, happening.atMs + 1), 0, happening);
  return happening;
}

function firstFrom(list: readonly Happening[], fromMs: number): number {
  return firstPlace(list.length, (place) => (list[place]?.atMs ?? 0) < fromMs);
}
