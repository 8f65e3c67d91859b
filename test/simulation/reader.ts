import { daemonSetSource, nodeSource, podSource, revisionSource } from '../../src/cache/resources.ts';
import type { Controller } from '../../src/controller/controller.ts';
import {
  daemonSetsView,
  NODES_VIEW,
  podsView,
  revisionsView,
  type ViewStream,
} from '../../src/controller/view-losses.ts';
import type { DaemonSetRecord, NodeRecord, PodRecord, RevisionRecord } from '../../src/kube/records.ts';
import { labelSelectorQuery } from '../../src/kube/selectors.ts';
import { type DaemonSetKey, daemonSetKey } from '../../src/protocol/slot.ts';
import { forkRandom, type Random } from '../../src/simulator/random.ts';
import type { Conduct } from './conduct.ts';
import type { Network } from './network.ts';
import type { SimProcess } from './process.ts';
import type { Records } from './records.ts';
import { Stream, type StreamOptions } from './stream.ts';
import type { Trace } from './trace.ts';
import type { View } from './view.ts';

export interface ReaderOptions {
  readonly process: SimProcess;
  readonly network: Network;
  readonly records: Records;
  readonly trace: Trace;
  readonly random: Random;
  readonly pageLimit: number;
  readonly conduct: Conduct;
  readonly view: View;
  readonly controller: Controller;
  /** Something came in that may have to be decided about. */
  readonly onInput: () => void;
}

export interface FollowedStreams {
  readonly pods: Stream<PodRecord>;
  readonly revisions: Stream<RevisionRecord>;
}

/** All streams of one process, opened and closed as the program's reader does. */
export class Reader {
  readonly nodes: Stream<NodeRecord>;
  readonly daemonSets: Stream<DaemonSetRecord>;
  readonly followed = new Map<DaemonSetKey, FollowedStreams>();
  readonly #options: ReaderOptions;

  constructor(options: ReaderOptions) {
    const { conduct, controller, records } = options;
    this.#options = options;
    this.nodes = this.#stream(NODES_VIEW, {
      resource: 'nodes',
      selector: '',
      read: records.node,
      whatIsLeft: nodeSource().whatIsLeft,
      onDelta: (delta, nowMs) => controller.onNode(delta, nowMs),
      onSynced: () => controller.onNodesSynced(),
      onProgress: (revision) => conduct.knowledge.onNodes(revision),
    });
    this.daemonSets = this.#stream(daemonSetsView(''), {
      resource: 'daemonsets',
      selector: '',
      read: records.daemonSet,
      whatIsLeft: daemonSetSource({ namespace: '' }).whatIsLeft,
      onDelta: (delta, nowMs) => controller.onDaemonSet(delta, nowMs),
      onSynced: () => controller.onDaemonSetsSynced(),
      onProgress: (revision) => conduct.knowledge.onDaemonSets(revision),
    });
  }

  start(): void {
    this.nodes.start();
    this.daemonSets.start();
  }

  follow(daemonSet: DaemonSetRecord): void {
    const { conduct, controller, records } = this.#options;
    const key = daemonSetKey(daemonSet.namespace, daemonSet.name);
    this.unfollow(key);
    const selector = labelSelectorQuery(daemonSet.selector) ?? '';
    const { namespace, uid } = daemonSet;
    const known = conduct.knowledge.follow(key, uid);
    const pods = this.#stream(podsView(key), {
      resource: 'pods',
      namespace,
      selector,
      read: records.pod,
      whatIsLeft: podSource({ namespace, labelSelector: selector }).whatIsLeft,
      onDelta: (delta, nowMs) => controller.onPod(key, delta, nowMs),
      onSynced: () => controller.onSynced(key, 'pods'),
      onProgress: (revision, how) => known.onPods(revision, how),
    });
    const revisions = this.#stream(revisionsView(key), {
      resource: 'controllerrevisions',
      namespace,
      selector,
      read: records.revision,
      whatIsLeft: revisionSource({ namespace, labelSelector: selector }).whatIsLeft,
      onDelta: (delta, nowMs) => controller.onRevision(key, delta, nowMs),
      onSynced: () => controller.onSynced(key, 'revisions'),
      onFresh: () => controller.onRevisionsRead(key),
      onListProblem: (message) => controller.onRevisionsProblem(key, message),
      onProgress: (revision) => known.onRevisions(revision),
    });
    this.followed.set(key, { pods, revisions });
    pods.start();
    revisions.start();
  }

  readRevisions(key: DaemonSetKey): void {
    this.followed.get(key)?.revisions.relist();
  }

  unfollow(key: DaemonSetKey): void {
    const streams = this.followed.get(key);
    if (streams === undefined) return;
    streams.pods.stop();
    streams.revisions.stop();
    this.followed.delete(key);
    this.#options.view.forget(key);
    this.#options.conduct.unfollow(key);
  }

  #stream<T extends NodeRecord | DaemonSetRecord | PodRecord | RevisionRecord>(
    view: ViewStream,
    options: Pick<
      StreamOptions<T>,
      'read' | 'whatIsLeft' | 'onDelta' | 'onSynced' | 'onFresh' | 'onListProblem' | 'onProgress'
    > & {
      readonly resource: 'nodes' | 'daemonsets' | 'pods' | 'controllerrevisions';
      readonly namespace?: string;
      readonly selector: string;
    },
  ): Stream<T> {
    const { conduct, process, network, random, pageLimit, records, trace, onInput } = this.#options;
    const { resource, namespace = '', selector, read, whatIsLeft } = options;
    const stream = new Stream<T>({
      process,
      network,
      random: forkRandom(random),
      pageLimit,
      selection: { resource, namespace, labelSelector: selector },
      read,
      whatIsLeft,
      problemOf: (object) => records.problemOf(object),
      onDelta: (delta, nowMs) => {
        options.onDelta(delta, nowMs);
        onInput();
      },
      onSynced: () => {
        options.onSynced();
        onInput();
      },
      onFresh: () => {
        options.onFresh?.();
        onInput();
      },
      onListProblem: (message) => {
        options.onListProblem?.(message);
        onInput();
      },
      onProgress: (revision, how) => {
        trace.note(process.timeline.nowMs, process.id, `${how} ${resource} ${revision}`);
        options.onProgress(revision, how);
      },
      onDelivery: conduct.view.open(view),
    });
    this.#options.view.add(view, stream);
    return stream;
  }
}
