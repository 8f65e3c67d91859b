import type { SimulatedCluster } from '../../src/simulator/cluster.ts';
import type { Entry } from '../../src/simulator/cluster-index.ts';
import { allowedUnavailable, optedStrategy, progressDeadlineMs } from '../../src/simulator/observer-policy.ts';
import type { Kind, Spec } from './spec.ts';

/** A leader that died is replaced, users who opted out come back, a kubelet's next look: whatever the seed has. */
const ALWAYS_MS = 60_000;
/** What the base of a percentage was at least in the last minute counts, and until then it is looked at again. */
const BASE_MS = 60_000;
/** Any request may have failed because of these. */
const REQUEST_KINDS: readonly Kind[] = [
  'lost-before',
  'lost-after',
  'slow',
  'throttled',
  'internal-error',
  'forbidden',
  'api-restart',
];
/**
 * Requests on their way when faults end; a watch on which nothing comes through, and the longest delay before it is tried again.
 * A stream that nobody answers gives up after 90 s, and then has no more than that delay before it.
 */
const STREAM_MS = 40_000 + 60_000 + 60_000;
const STREAM_KINDS: readonly Kind[] = [
  ...REQUEST_KINDS,
  'watch-cut',
  'watch-silent',
  'watch-expired',
  'bookmarks-only',
  'stream-outage',
];
/** The longest backoff of a slot, with its jitter. */
const BACKOFF_MS = 1.5 * 60_000;
const BACKOFF_KINDS: readonly Kind[] = ['conflict', 'throttled', 'forbidden', 'internal-error', 'protected-pods'];
/** A deletion whose fate four reads did not tell is read again after 30 s × 2^4. */
const OBSERVE_MS = 480_000;
const OBSERVE_KINDS: readonly Kind[] = [...REQUEST_KINDS, 'conflict'];
/** A slot that was replaced again and again for the same revision. */
const REPEAT_MS = 300_000;
const REPEAT_KINDS: readonly Kind[] = ['rollback', 'foreign-delete', 'clock-step', 'there-and-back'];
/** The pace may not use more of a large budget than this for long. */
const WINDOW = 10;
/** A kubelet takes up to 1.3 times as long as usual; clocks are wrong by 8 %. */
const SLOWEST = 1.3;
const DRIFT = 1.08;

/**
 * How long it may take from the end of all faults until everything has settled: what may still be waited for, as the seed has
 * it, and one whole rollout in waves as large as the budget, one after the other.
 */
export function patienceMs(spec: Spec, cluster: SimulatedCluster, hopeless: number): number {
  const anyOf = (kinds: readonly Kind[]): boolean => kinds.some((kind) => spec.kinds.has(kind));
  const waitMs =
    ALWAYS_MS +
    BASE_MS +
    (anyOf(STREAM_KINDS) ? STREAM_MS : 0) +
    (anyOf(BACKOFF_KINDS) ? BACKOFF_MS : 0) +
    (anyOf(OBSERVE_KINDS) ? OBSERVE_MS : 0) +
    (anyOf(REPEAT_KINDS) ? REPEAT_MS : 0);
  let workMs = 0;
  for (const entry of cluster.index.entries()) workMs += rolloutMs(spec, entry, hopeless);
  return DRIFT * (waitMs + workMs);
}

function rolloutMs(spec: Spec, { daemonSet, slots }: Entry, hopeless: number): number {
  const { startupMs, terminationMs, reactionMs, latencyMs, podsPerSecond, qps, maxInFlight } = spec;
  let eligible = 0;
  let ready = 0;
  for (const { placement, isNodeReady } of slots.values()) {
    if (placement.isWanted) eligible += 1;
    if (placement.isWanted && isNodeReady) ready += 1;
  }
  const eachMs = 1000 / podsPerSecond + (qps === 0 ? 0 : 1000 / qps);
  if (optedStrategy(daemonSet) === 'ota') return slots.size * eachMs;
  const atOnce = Math.min(allowedUnavailable(daemonSet, ready), maxInFlight, WINDOW);
  const minReadyMs = 1000 * (daemonSet.spec.minReadySeconds ?? 0);
  // A node where nothing comes up holds a place until it has joined, and its time is up.
  const deadlineMs = 2 * (progressDeadlineMs(daemonSet) + minReadyMs) + terminationMs;
  const hopelessMs = Math.ceil(hopeless / Math.max(1, atOnce)) * deadlineMs;
  const waveMs = SLOWEST * (startupMs + terminationMs) + reactionMs + minReadyMs + 10 * latencyMs;
  return hopelessMs + Math.ceil(eligible / Math.max(1, atOnce - hopeless)) * waveMs + slots.size * eachMs;
}
