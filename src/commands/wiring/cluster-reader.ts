import assert from 'node:assert/strict';
import {
  CONTACT_LIMITS,
  type Confirmed,
  type ContactLimits,
  type ContactReport,
  LossMemory,
  lossesOf,
} from '../../cache/contact.ts';
import type { Delta } from '../../cache/delta.ts';
import { Reflector } from '../../cache/reflector.ts';
import type { ReflectorProblem } from '../../cache/reflector-machine.ts';
import { daemonSetSource, nodeSource, podSource, type ResourceSource, revisionSource } from '../../cache/resources.ts';
import type { ApiClient } from '../../client/api.ts';
import { elapsedMs } from '../../clock.ts';
import type { Change, SyncedPart } from '../../controller/followed.ts';
import {
  daemonSetsView,
  NODES_VIEW,
  podsView,
  revisionsView,
  type ViewLoss,
  type ViewStream,
} from '../../controller/view-losses.ts';
import type { DaemonSetRecord, NodeRecord, ObjectRecord, PodRecord, RevisionRecord } from '../../kube/records.ts';
import { labelSelectorQuery } from '../../kube/selectors.ts';
import { type DaemonSetKey, daemonSetKey } from '../../protocol/slot.ts';

/** A running reflector, whatever it reads. */
type Stream = Pick<Reflector<ObjectRecord>, 'stop' | 'contact' | 'retryNow'> & Confirmed<ViewStream>;

export interface StreamContact extends ContactReport {
  /** As in `ReaderProblem`; its first word is the resource. */
  readonly stream: string;
}

export interface ReaderProblem {
  /** Which stream: `nodes`, `daemonsets`, `pods of edge/agent` … */
  readonly stream: string;
  readonly problem: ReflectorProblem;
}

export interface ReaderOptions {
  readonly client: ApiClient;
  readonly namespaces: readonly string[];
  readonly onProblem: (problem: ReaderProblem) => void;
  readonly contactLimits?: ContactLimits | undefined;
}

export interface ReaderHandlers {
  onDaemonSet(change: Change<DaemonSetRecord>): void;
  onNode(change: Change<NodeRecord>): void;
  onPod(key: DaemonSetKey, change: Change<PodRecord>): void;
  onRevision(key: DaemonSetKey, change: Change<RevisionRecord>): void;
  onNodesSynced(): void;
  onDaemonSetsSynced(): void;
  onSynced(key: DaemonSetKey, part: SyncedPart): void;
}

/**
 * All reflectors of the process: nodes and DaemonSets from the start, pods and revisions of a DaemonSet from `follow`
 * on. Memory grows with the pods of opted-in DaemonSets only.
 */
export class ClusterReader {
  readonly #options: ReaderOptions;
  readonly #handlers: ReaderHandlers;
  readonly #base: Stream[] = [];
  readonly #perDaemonSet = new Map<DaemonSetKey, Stream[]>();
  #daemonSetStreamsToSync: number;

  constructor(options: ReaderOptions, handlers: ReaderHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#daemonSetStreamsToSync = Math.max(1, options.namespaces.length);
  }

  start(): void {
    const { namespaces } = this.#options;
    this.#open(this.#base, NODES_VIEW, nodeSource(), {
      onDelta: (change) => this.#handlers.onNode(change),
      onSynced: () => this.#handlers.onNodesSynced(),
    });
    for (const namespace of namespaces.length === 0 ? [''] : namespaces) {
      this.#open(this.#base, daemonSetsView(namespace), daemonSetSource({ namespace }), {
        onDelta: (change) => this.#handlers.onDaemonSet(change),
        onSynced: () => this.#onDaemonSetStreamSynced(),
      });
    }
  }

  follow(daemonSet: DaemonSetRecord): void {
    const key = daemonSetKey(daemonSet.namespace, daemonSet.name);
    this.unfollow(key);
    const streams: Stream[] = [];
    this.#perDaemonSet.set(key, streams);
    const selector = labelSelectorQuery(daemonSet.selector);
    assert.ok(selector !== undefined, 'the controller follows only what can be selected');
    const query = { namespace: daemonSet.namespace, labelSelector: selector };
    this.#open(streams, podsView(key), podSource(query), {
      onDelta: (change) => this.#handlers.onPod(key, change),
      onSynced: () => this.#handlers.onSynced(key, 'pods'),
    });
    this.#open(streams, revisionsView(key), revisionSource(query), {
      onDelta: (change) => this.#handlers.onRevision(key, change),
      onSynced: () => this.#handlers.onSynced(key, 'revisions'),
    });
  }

  unfollow(key: DaemonSetKey): void {
    for (const stream of this.#perDaemonSet.get(key) ?? []) void stream.stop();
    this.#perDaemonSet.delete(key);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#streams().map((stream) => stream.stop()));
  }

  /** How current what was read is, stream by stream. */
  contacts(): readonly StreamContact[] {
    return this.#streams().map(({ identity, contact }) => ({ stream: identity.stream, ...contact() }));
  }

  /** What of the view cannot be relied on for deciding; to be asked about once a second. */
  losses(): readonly ViewLoss[] {
    return lossesOf(this.#streams(), elapsedMs());
  }

  /** What stood in the way may be gone: nothing waits any longer. */
  retryNow(): void {
    for (const stream of this.#streams()) stream.retryNow();
  }

  #streams(): readonly Stream[] {
    return [...this.#base, ...[...this.#perDaemonSet.values()].flat()];
  }

  #onDaemonSetStreamSynced(): void {
    this.#daemonSetStreamsToSync -= 1;
    if (this.#daemonSetStreamsToSync === 0) this.#handlers.onDaemonSetsSynced();
  }

  #open<T extends ObjectRecord>(
    streams: Stream[],
    identity: ViewStream,
    resource: ResourceSource<T>,
    handlers: { onDelta(delta: Delta<T>): void; onSynced(): void },
  ): void {
    const reflector = new Reflector<T>({
      client: this.#options.client,
      resource,
      onDelta: handlers.onDelta,
      onSynced: handlers.onSynced,
      onProblem: (problem) => this.#options.onProblem({ stream: identity.stream, problem }),
      random: Math.random,
      // What was read grows old while the machine is suspended.
      now: elapsedMs,
    });
    streams.push({
      identity,
      memory: new LossMemory(this.#options.contactLimits ?? CONTACT_LIMITS),
      stop: () => reflector.stop(),
      contact: () => reflector.contact(),
      retryNow: () => reflector.retryNow(),
    });
    reflector.start();
  }
}
