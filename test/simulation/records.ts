import { parseControllerRevision } from '../../src/client/json/controller-revision.ts';
import { parseDaemonSet } from '../../src/client/json/daemon-set.ts';
import { parseNode } from '../../src/client/json/node.ts';
import { parsePod } from '../../src/client/json/pod.ts';
import type { RecordResult, Unreadable } from '../../src/client/pod-facts.ts';
import { skippedEvent, type WatchEvent } from '../../src/client/readers.ts';
import { type ApiError, apiErrorOfStatus } from '../../src/client/status-error.ts';
import type { DaemonSetRecord, NodeRecord, ObjectRecord, PodRecord, RevisionRecord } from '../../src/kube/records.ts';
import type { SimObject } from '../../src/simulator/objects.ts';
import type { StatusBody } from '../../src/simulator/status.ts';
import type { WatchEvent as SimWatchEvent } from '../../src/simulator/watch.ts';
import type { StampClock } from './clocks.ts';
import { nameOf, type Spoilage } from './spoilage.ts';
import { Violation } from './trace.ts';

/**
 * Reads the cluster's objects with the program's own decoders. Objects never change, so each is read once for all
 * processes; times are what the machines' wrong clocks would have written.
 */
export class Records {
  readonly #clock: StampClock;
  readonly #spoilage: Spoilage;
  /** By resource version, which no other object has but one that left a selection. */
  readonly #known: ({ readonly object: SimObject; readonly record: ObjectRecord } | undefined)[] = [];

  constructor(clock: StampClock, spoilage: Spoilage) {
    this.#clock = clock;
    this.#spoilage = spoilage;
  }

  /** Why the object is left out, and which it is; undefined: it can be read. */
  problemOf(object: SimObject): Unreadable | undefined {
    const message = this.#spoilage.problemOf(object);
    return message === undefined ? undefined : { message, object: nameOf(object) };
  }

  readonly pod = (object: SimObject): PodRecord => this.#read(object, parsePod, (record) => this.#stampPod(record));
  readonly node = (object: SimObject): NodeRecord =>
    this.#read(object, parseNode, (record) => {
      const { createdAtMs, readyChangedAtMs } = record;
      return { ...record, createdAtMs: this.#stamp(createdAtMs), readyChangedAtMs: this.#stampMaybe(readyChangedAtMs) };
    });
  readonly daemonSet = (object: SimObject): DaemonSetRecord =>
    this.#read(object, parseDaemonSet, (record) => ({ ...record, createdAtMs: this.#stamp(record.createdAtMs) }));
  readonly revision = (object: SimObject): RevisionRecord =>
    this.#read(object, parseControllerRevision, (record) => {
      return { ...record, createdAtMs: this.#stamp(record.createdAtMs) };
    });

  #stampPod(record: PodRecord): PodRecord {
    const { createdAtMs, readyChangedAtMs, deletionAtMs } = record;
    return {
      ...record,
      createdAtMs: this.#stamp(createdAtMs),
      readyChangedAtMs: this.#stampMaybe(readyChangedAtMs),
      deletionAtMs: this.#stampMaybe(deletionAtMs),
    };
  }

  #stamp(trueMs: number): number {
    return Math.floor(this.#clock.stamp(trueMs) / 1000) * 1000;
  }

  #stampMaybe(trueMs: number | undefined): number | undefined {
    return trueMs === undefined ? undefined : this.#stamp(trueMs);
  }

  #read<T extends ObjectRecord>(
    object: SimObject,
    parse: (json: unknown) => RecordResult<T>,
    stamp: (record: T) => T,
  ): T {
    const revision = Number(object.metadata.resourceVersion);
    const known = this.#known[revision];
    if (known?.object === object) return known.record as T;
    const result = parse(object);
    if (!result.ok) throw new Violation('decoder', result.message);
    const record = this.#clock.isTrue ? result.record : stamp(result.record);
    this.#known[revision] = { object, record };
    return record;
  }
}

export function errorOf(body: StatusBody): ApiError {
  const details = (body.details ?? {}) as {
    readonly causes?: readonly { readonly reason?: string; readonly message?: string }[];
    readonly retryAfterSeconds?: number;
  };
  const causes = (details.causes ?? []).map(({ reason = '', message = '' }) => ({ reason, message }));
  const { reason = '', message = '', code = 0 } = body;
  const { retryAfterSeconds = 0 } = details;
  return apiErrorOfStatus({ reason, message, code, kind: '', name: '', causes, retryAfterSeconds });
}

const TYPES = { ADDED: 'added', MODIFIED: 'modified', DELETED: 'deleted' } as const;

/** How objects are read, and why one cannot be. */
export interface ObjectReader<T> {
  readonly read: (object: SimObject) => T;
  readonly problemOf: (object: SimObject) => Unreadable | undefined;
}

export function watchEventOf<T>(event: SimWatchEvent, { read, problemOf }: ObjectReader<T>): WatchEvent<T> {
  switch (event.type) {
    case 'BOOKMARK':
      return { type: 'bookmark', resourceVersion: event.object.metadata.resourceVersion };
    case 'ERROR':
      return { type: 'error', error: errorOf(event.object as unknown as StatusBody) };
    default: {
      const problem = problemOf(event.object);
      if (problem !== undefined) return skippedEvent(problem, event.type === 'DELETED');
      return { type: TYPES[event.type], object: read(event.object) };
    }
  }
}
