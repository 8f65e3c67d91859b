import { writeNamed } from '../protocol/actions/registry.ts';
import type { DaemonSetKey } from '../protocol/slot.ts';
import type { RolloutCounts } from '../rollout/counts.ts';
import type { NodePlan } from '../rollout/plan.ts';
import { counted } from './digest.ts';
import type { Followed } from './followed.ts';
import type { ControllerPorts } from './ports.ts';
import type { TrafficOptions } from './traffic.ts';

/** Between two looks at a DaemonSet: a look goes through all its nodes, and heartbeats come all the time. */
const LOOK_EVERY_MS = 1000;
const NODES_A_MS = 5;
/** A log is not made for more at once; the others follow with the next look. */
const LINES_MAX = 500;

type Limits = Pick<TrafficOptions, 'maxInFlight' | 'maxInFlightPerDaemonSet'>;

/** What was told of a DaemonSet's rollout to `hash`. */
interface Told {
  readonly hash: string | undefined;
  named: Set<string>;
  /** Deletions that would be under way. */
  deletions: number;
  /** Whether it was said how many would go now, and how many later. */
  isEndTold: boolean;
  nextLookMs: number;
}

/**
 * A dry run names what would be asked now, each node once for a revision, and stops there: nothing comes back that was not
 * deleted, so what would follow depends on what nobody can know. When the cluster changes by what others do, more is named.
 */
export class DryRun {
  readonly #limits: Limits;
  readonly #log: ControllerPorts['log'];
  readonly #told = new Map<DaemonSetKey, Told>();

  constructor(limits: Limits, log: ControllerPorts['log']) {
    this.#limits = limits;
    this.#log = log;
  }

  /** Looks at what changed. */
  look(all: ReadonlyMap<DaemonSetKey, Followed>, nowMs: number): void {
    for (const key of this.#told.keys()) if (!all.has(key)) this.#told.delete(key);
    for (const followed of all.values()) {
      const dueMs = this.#told.get(followed.key)?.nextLookMs ?? nowMs;
      if (followed.isDirty && dueMs <= nowMs) this.#lookAt(followed, this.#windowOf(followed, all), nowMs);
    }
  }

  /** When somebody is to be looked at who was looked at a moment ago. */
  nextWakeMs(all: Iterable<Followed>): number | undefined {
    let wakeMs = Number.POSITIVE_INFINITY;
    for (const { key, isDirty } of all) {
      if (isDirty) wakeMs = Math.min(wakeMs, this.#told.get(key)?.nextLookMs ?? wakeMs);
    }
    return Number.isFinite(wakeMs) ? wakeMs : undefined;
  }

  /** Replacements that it may have in flight: the limits of a real run; of DaemonSets that share one the first has it first. */
  #windowOf({ key }: Followed, all: ReadonlyMap<DaemonSetKey, Followed>): number {
    let room = this.#limits.maxInFlight;
    for (const other of all.values()) {
      if (other.key === key) continue;
      room -= other.rollout.replacementsInFlight + (this.#told.get(other.key)?.deletions ?? 0);
    }
    return Math.max(0, Math.min(this.#limits.maxInFlightPerDaemonSet, room));
  }

  #lookAt(followed: Followed, window: number, nowMs: number): void {
    const { key, rollout } = followed;
    followed.isDirty = false;
    if (rollout.blocked() !== undefined) return;
    const counts = rollout.counts();
    const before = this.#told.get(key);
    const isSame = before !== undefined && before.hash === counts.targetHash;
    const told: Told = isSame
      ? before
      : { hash: counts.targetHash, named: new Set(), deletions: 0, isEndTold: false, nextLookMs: nowMs };
    this.#told.set(key, told);
    told.nextLookMs = nowMs + Math.max(LOOK_EVERY_MS, counts.eligible / NODES_A_MS);
    const wanted = rollout.plan(nowMs, { window }).filter(({ next }) => next !== undefined);
    told.deletions = wanted.filter(({ next }) => next === 'delete').length;
    const fresh = wanted.filter(({ node }) => !told.named.has(node));
    for (const each of fresh.slice(0, LINES_MAX)) this.#name(followed, each, told);
    if (fresh.length > LINES_MAX) followed.isDirty = true;
    else if (fresh.length > 0 || !told.isEndTold) this.#tellEnd(key, told, { counts, wanted });
    // Nodes come and go for as long as it runs.
    if (told.named.size > 2 * counts.eligible + LINES_MAX) told.named = new Set(wanted.map(({ node }) => node));
  }

  #name({ key }: Followed, { node, pod, revision, next, message }: NodePlan, told: Told): void {
    told.named.add(node);
    if (next === undefined) return;
    const fields = { daemonSet: key, node, pod: pod ?? '', action: next };
    const hashes = { fromHash: revision ?? '', toHash: told.hash ?? '' };
    this.#log('info', writeNamed(next).words.wouldBe, { ...fields, ...hashes, reason: message });
  }

  #tellEnd(key: DaemonSetKey, told: Told, seen: { counts: RolloutCounts; wanted: readonly NodePlan[] }): void {
    const { counts, wanted } = seen;
    const later = Math.max(0, counts.waiting - wanted.filter(({ next }) => next !== 'force-delete').length);
    told.isEndTold = true;
    const fields = { daemonSet: key, revision: told.hash ?? '', now: wanted.length, later };
    this.#log('info', 'dry run stops here', { ...fields, detail: endWords(counts, wanted.length, later) });
  }
}

function endWords(counts: RolloutCounts, now: number, later: number): string {
  const { strategy, unavailable, allowed, skippedNotReady } = counts;
  const away =
    skippedNotReady === 0 ? '' : `; ${counted(skippedNotReady, 'node')} not Ready, and would follow when they are`;
  if (now + later === 0) return `nothing is to be done on nodes that are Ready${away}`;
  if (strategy === 'OTA') return `${now} pods would be marked now, ${later} later; nothing is written`;
  const bound = `${unavailable} of at most ${allowed} nodes are without an available pod`;
  return `${counted(now, 'node')} would be next, ${later} more as these become available${away}; ${bound}; nothing is written`;
}
