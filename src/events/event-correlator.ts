import type { DaemonSetEvent } from '../controller/ports.ts';
import { REASONS } from '../controller/statements.ts';

/** An event about a DaemonSet, or about the pod that this process runs in. */
export type RecordedEvent = DaemonSetEvent | PodEvent;

export interface PodEvent extends Omit<DaemonSetEvent, 'daemonSet'> {
  /** `namespace/name`. */
  readonly pod: string;
}

/** `namespace/name` of what the event is about. */
export function subjectOf(event: RecordedEvent): string {
  return 'pod' in event ? event.pod : event.daemonSet;
}

/** An Event object to be made, or the series of one that was made. `name` is unique in its namespace. */
export type EventEffect =
  | { readonly type: 'create'; readonly name: string; readonly event: RecordedEvent; readonly eventTimeMs: number }
  | {
      readonly type: 'patch';
      readonly name: string;
      readonly event: RecordedEvent;
      readonly count: number;
      readonly lastObservedTimeMs: number;
    };

export interface EventCorrelatorOptions {
  /** In [0, 1); makes names unique between processes. */
  readonly random: () => number;
}

/** client-go's events broadcaster: the same thing within 6 minutes of the last time continues a series. */
const SERIES_IDLE_MS = 6 * 60_000;
/** A series is written at its second event, and then at most this often. */
const SERIES_PATCH_INTERVAL_MS = 60_000;
/** client-go's spam filter: 25 new events at once for an object, then one in 5 minutes; here see `bucketKeyOf`. */
const SPAM_BURST = 25;
const SPAM_REFILL_MS = 5 * 60_000;
/** As large as client-go's caches; the least recently used goes first. */
const CACHE_SIZE_MAX = 4096;

interface Series {
  readonly name: string;
  /** The first one: its message is the Event's, which is immutable. */
  readonly event: RecordedEvent;
  count: number;
  lastObservedMs: number;
  patchedCount: number;
  patchedAtMs: number;
}

interface Bucket {
  tokens: number;
  filledAtMs: number;
}

/**
 * De-duplicates events as the events.k8s.io recorder of client-go does: one Event object for what keeps happening, whose
 * series counts. The key leaves the message out, so one that changes every time is a series as well, unless its topic changes too.
 */
export class EventCorrelator {
  readonly #random: () => number;
  /** Map order is order of use. */
  readonly #series = new Map<string, Series>();
  readonly #buckets = new Map<string, Bucket>();
  #sequence = 0;
  #suppressedCount = 0;

  constructor(options: EventCorrelatorOptions) {
    this.#random = options.random;
  }

  /** Events that the spam filter kept back. */
  get suppressedCount(): number {
    return this.#suppressedCount;
  }

  /** Series and objects remembered. */
  get size(): number {
    return this.#series.size + this.#buckets.size;
  }

  record(event: RecordedEvent, nowMs: number): readonly EventEffect[] {
    const key = keyOf(event);
    const series = this.#series.get(key);
    if (series !== undefined && nowMs - series.lastObservedMs < SERIES_IDLE_MS) {
      series.count++;
      series.lastObservedMs = nowMs;
      touch(this.#series, key, series);
      return isPatchDue(series, nowMs) ? [patchOf(series, nowMs)] : [];
    }
    const effects = series === undefined ? [] : lastPatchOf(series, nowMs);
    this.#series.delete(key);
    if (!this.#takeToken(event, nowMs)) {
      this.#suppressedCount++;
      return effects;
    }
    const started: Series = {
      name: this.#nameOf(event, nowMs),
      event,
      count: 1,
      lastObservedMs: nowMs,
      patchedCount: 1,
      patchedAtMs: Number.NEGATIVE_INFINITY,
    };
    touch(this.#series, key, started);
    return [...effects, { type: 'create', name: started.name, event, eventTimeMs: nowMs }];
  }

  /** Call it about once a minute, and with `isLast` at the end: writes counts that were not written yet, forgets what is over. */
  tick(nowMs: number, isLast = false): readonly EventEffect[] {
    const effects: EventEffect[] = [];
    for (const [key, series] of this.#series) {
      if (isLast) effects.push(...lastPatchOf(series, nowMs));
      else if (isPatchDue(series, nowMs)) effects.push(patchOf(series, nowMs));
      // By now its last count was due.
      if (nowMs - series.lastObservedMs >= SERIES_IDLE_MS) this.#series.delete(key);
    }
    for (const [key, bucket] of this.#buckets) {
      fill(bucket, nowMs);
      if (bucket.tokens >= SPAM_BURST) this.#buckets.delete(key);
    }
    return effects;
  }

  /** The Event could not be made or does not exist any more (they live for an hour): the next one makes it anew. */
  forget(event: RecordedEvent): void {
    this.#series.delete(keyOf(event));
  }

  #takeToken(event: RecordedEvent, nowMs: number): boolean {
    const key = bucketKeyOf(event);
    const bucket = this.#buckets.get(key) ?? { tokens: SPAM_BURST, filledAtMs: nowMs };
    touch(this.#buckets, key, bucket);
    fill(bucket, nowMs);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  /** As kubectl users know them: the object's name, a dot, something unique; at most 253 characters in all. */
  #nameOf(event: RecordedEvent, nowMs: number): string {
    const random = Math.floor(this.#random() * 2 ** 24).toString(16);
    const unique = `${Math.floor(nowMs).toString(16)}${random.padStart(6, '0')}${(this.#sequence++).toString(16)}`;
    const objectName = subjectOf(event).slice(subjectOf(event).indexOf('/') + 1);
    return `${objectName.slice(0, 253 - unique.length - 1).replace(/[.-]+$/, '')}.${unique}`;
  }
}

function keyOf(event: RecordedEvent): string {
  return `${event.uid}/${event.type}/${event.reason}/${event.action}/${event.topic ?? ''}`;
}

/**
 * Whose events hold each other back: a warning is held back by warnings of its own reason alone. Of Normal ones those that
 * come all through a rollout take nothing from those that tell its start and end.
 */
function bucketKeyOf({ uid, type, reason }: RecordedEvent): string {
  return type === 'Warning' || reason === REASONS.replaced ? `${uid}/${type}/${reason}` : `${uid}/${type}`;
}

function isPatchDue(series: Series, nowMs: number): boolean {
  return series.count > series.patchedCount && nowMs - series.patchedAtMs >= SERIES_PATCH_INTERVAL_MS;
}

function lastPatchOf(series: Series, nowMs: number): readonly EventEffect[] {
  return series.count > series.patchedCount ? [patchOf(series, nowMs)] : [];
}

function patchOf(series: Series, nowMs: number): EventEffect {
  series.patchedCount = series.count;
  series.patchedAtMs = nowMs;
  const { name, event, count, lastObservedMs } = series;
  return { type: 'patch', name, event, count, lastObservedTimeMs: lastObservedMs };
}

function fill(bucket: Bucket, nowMs: number): void {
  const elapsedMs = Math.max(0, nowMs - bucket.filledAtMs);
  bucket.tokens = Math.min(SPAM_BURST, bucket.tokens + elapsedMs / SPAM_REFILL_MS);
  bucket.filledAtMs = Math.max(nowMs, bucket.filledAtMs);
}

function touch<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= CACHE_SIZE_MAX) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
