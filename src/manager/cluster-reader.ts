import assert from 'node:assert/strict';
import {
  CONTACT_LIMITS,
  type Confirmed,
  type ContactLimits,
  type ContactReport,
  LossMemory,
  lossesOf,
} from '../cache/contact.ts';
import type { Delta } from '../cache/delta.ts';
import { Reflector } from '../cache/reflector.ts';
import type { ReflectorProblem } from '../cache/reflector-machine.ts';
import { daemonSetSource, nodeSource, podSource, type ResourceSource, revisionSource } from '../cache/resources.ts';
import type { ApiClient } from '../client/api.ts';
import { elapsedMs } from '../clock.ts';
import type { Change, SyncedPart } from '../controller/followed.ts';
import {
  daemonSetsView,
  NODES_VIEW,
  podsView,
  revisionsView,
  type ViewLoss,
  type ViewStream,
} from '../controller/view-losses.ts';
import type { DaemonSetRecord, NodeRecord, ObjectRecord, PodRecord, RevisionRecord } from '../kube/records.ts';
import { labelSelectorQuery } from '../kube/selectors.ts';
import { type DaemonSetKey, daemonSetKey } from '../protocol/slot.ts';
import { ListGate } from './list-gate.ts';

/** A reflector, whatever it reads. */
type Stream = Pick<Reflector<ObjectRecord>, 'start' | 'stop' | 'contact' | 'retryNow' | 'relist'> &
  Confirmed<ViewStream>;

/** Lists of revisions under way at a time: a restart, or one change of many DaemonSets, asks for one each. */
const REVISION_LISTS = { max: 10, turnMs: 5000 };

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
  onRevisionsRead(key: DaemonSetKey): void;
  onRevisionsProblem(key: DaemonSetKey, message: string): void;
}

/**
 * All reflectors of the process: nodes and DaemonSets from the start, pods and revisions of a DaemonSet from `follow`
 * on. Memory grows with the pods of opted-in DaemonSets only.
 */
export class ClusterReader {
  readonly #options: ReaderOptions;
  readonly #handlers: ReaderHandlers;
  readonly #base: Stream[] = [];
  readonly #perDaemonSet = new Map<DaemonSetKey, { readonly pods: Stream; readonly revisions: Stream }>();
  readonly #revisionLists = new ListGate<DaemonSetKey>(REVISION_LISTS);
  #daemonSetStreamsToSync: number;

  constructor(options: ReaderOptions, handlers: ReaderHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#daemonSetStreamsToSync = Math.max(1, options.namespaces.length);
  }

  start(): void {
    const { namespaces } = this.#options;
    const nodes = this.#open(NODES_VIEW, nodeSource(), {
      onDelta: (change) => this.#handlers.onNode(change),
      onSynced: () => this.#handlers.onNodesSynced(),
    });
    this.#base.push(nodes);
    for (const namespace of namespaces.length === 0 ? [''] : namespaces) {
      const daemonSets = this.#open(daemonSetsView(namespace), daemonSetSource({ namespace }), {
        onDelta: (change) => this.#handlers.onDaemonSet(change),
        onSynced: () => this.#onDaemonSetStreamSynced(),
      });
      this.#base.push(daemonSets);
    }
    for (const stream of this.#base) stream.start();
  }

  follow(daemonSet: DaemonSetRecord): void {
    const key = daemonSetKey(daemonSet.namespace, daemonSet.name);
    this.unfollow(key);
    const selector = labelSelectorQuery(daemonSet.selector);
    assert.ok(selector !== undefined, 'the controller follows only what can be selected');
    const query = { namespace: daemonSet.namespace, labelSelector: selector };
    const pods = this.#open(podsView(key), podSource(query), {
      onDelta: (change) => this.#handlers.onPod(key, change),
      onSynced: () => this.#handlers.onSynced(key, 'pods'),
    });
    const revisions = this.#open(revisionsView(key), revisionSource(query), {
      onDelta: (change) => this.#handlers.onRevision(key, change),
      onSynced: () => this.#handlers.onSynced(key, 'revisions'),
      onFresh: () => this.#onRevisionsRead(key),
      onListProblem: (message) => {
        this.#revisionLists.leave(key);
        this.#handlers.onRevisionsProblem(key, message);
      },
    });
    this.#perDaemonSet.set(key, { pods, revisions });
    pods.start();
    this.#revisionLists.enter(key, () => revisions.start());
  }

  /** One list of what is committed, begun after this call; the watch goes on from there. */
  readRevisions(key: DaemonSetKey): void {
    const revisions = this.#perDaemonSet.get(key)?.revisions;
    if (revisions !== undefined) this.#revisionLists.enter(key, () => revisions.relist());
  }

  unfollow(key: DaemonSetKey): void {
    const streams = this.#perDaemonSet.get(key);
    if (streams === undefined) return;
    void streams.pods.stop();
    void streams.revisions.stop();
    this.#revisionLists.forget(key);
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
    return [...this.#base, ...[...this.#perDaemonSet.values()].flatMap(({ pods, revisions }) => [pods, revisions])];
  }

  #onDaemonSetStreamSynced(): void {
    this.#daemonSetStreamsToSync -= 1;
    if (this.#daemonSetStreamsToSync === 0) this.#handlers.onDaemonSetsSynced();
  }

  #onRevisionsRead(key: DaemonSetKey): void {
    this.#revisionLists.leave(key);
    // One that was asked for meanwhile and has not begun yet is to tell something newer.
    if (!this.#revisionLists.isWaiting(key)) this.#handlers.onRevisionsRead(key);
  }

  #open<T extends ObjectRecord>(
    identity: ViewStream,
    resource: ResourceSource<T>,
    handlers: {
      onDelta(delta: Delta<T>): void;
      onSynced(): void;
      onFresh?(): void;
      onListProblem?(message: string): void;
    },
  ): Stream {
    const reflector = new Reflector<T>({
      client: this.#options.client,
      resource,
      onDelta: handlers.onDelta,
      onSynced: handlers.onSynced,
      onFresh: () => handlers.onFresh?.(),
      onProblem: (problem) => {
        this.#options.onProblem({ stream: identity.stream, problem });
        if (problem.phase === 'list') handlers.onListProblem?.(problem.message);
      },
      random: Math.random,
      // What was read grows old while the machine is suspended.
      now: elapsedMs,
    });
    return {
      identity,
      memory: new LossMemory(this.#options.contactLimits ?? CONTACT_LIMITS),
      start: () => reflector.start(),
      stop: () => reflector.stop(),
      contact: () => reflector.contact(),
      retryNow: () => reflector.retryNow(),
      relist: () => reflector.relist(),
    };
  }
}
