import { BATCH_MAX, LANE_IN_FLIGHT_MAX, TASK_TIMEOUT_MS } from '../../src/commands/wiring/limits.ts';
import { Controller } from '../../src/controller/controller.ts';
import type { ControllerPorts } from '../../src/controller/ports.ts';
import type { DaemonSetRecord, NodeRecord, PodRecord, RevisionRecord } from '../../src/kube/records.ts';
import { labelSelectorQuery } from '../../src/kube/selectors.ts';
import type { Outcome } from '../../src/protocol/outcome.ts';
import { type DaemonSetKey, daemonSetKey } from '../../src/protocol/slot.ts';
import { forkRandom, type Random } from '../../src/simulator/random.ts';
import type { Planned } from '../../src/simulator/timeline.ts';
import { Candidate } from './candidate.ts';
import type { Checker } from './checker.ts';
import type { Conduct } from './conduct.ts';
import { SimLanes } from './lanes.ts';
import type { Network } from './network.ts';
import type { SimProcess } from './process.ts';
import type { Records } from './records.ts';
import { Stream } from './stream.ts';
import type { Trace } from './trace.ts';

type ControllerOptions = ConstructorParameters<typeof Controller>[0];

export interface UpdaterOptions {
  readonly process: SimProcess;
  readonly network: Network;
  readonly checker: Checker;
  readonly records: Records;
  readonly trace: Trace;
  readonly random: Random;
  readonly controller: Omit<
    ControllerOptions,
    'random' | 'batchMax' | 'laneInFlightMax' | 'taskTimeoutMs' | 'isDryRun'
  >;
  readonly pageLimit: number;
  /** It was told that it leads. */
  readonly onLeading: () => void;
  readonly onStopped: () => void;
}

export interface FollowedStreams {
  readonly pods: Stream<PodRecord>;
  readonly revisions: Stream<RevisionRecord>;
}

/** As the program has it. */
const SLEEP_MAX_MS = 60_000;
/** The event loop gets to the pump after whatever else is ready. */
const TURN_MS = 1;

/** One process of the updater: reflectors, controller, lanes and elector, wired as the program wires them. */
export class Updater {
  readonly process: SimProcess;
  readonly controller: Controller;
  readonly lanes: SimLanes;
  readonly candidate: Candidate;
  readonly conduct: Conduct;
  readonly nodes: Stream<NodeRecord>;
  readonly daemonSets: Stream<DaemonSetRecord>;
  readonly followed = new Map<DaemonSetKey, FollowedStreams>();
  readonly #options: UpdaterOptions;
  laneCount: number;
  #pump: Planned | undefined;
  #wake: Planned | undefined;
  #isDraining = false;

  constructor(options: UpdaterOptions) {
    const { process, network, checker, random, controller } = options;
    this.process = process;
    this.#options = options;
    this.laneCount = controller.lanes;
    this.conduct = checker.admit(process);
    const { conduct } = this;
    this.lanes = new SimLanes({
      ...options,
      conduct,
      random: forkRandom(random),
      onOutcomes: (outcomes) => this.#onOutcomes(outcomes),
    });
    this.controller = new Controller(
      {
        ...controller,
        batchMax: BATCH_MAX,
        laneInFlightMax: LANE_IN_FLIGHT_MAX,
        taskTimeoutMs: TASK_TIMEOUT_MS,
        isDryRun: false,
        random: forkRandom(random),
      },
      this.#ports(),
    );
    this.nodes = this.#stream({
      resource: 'nodes',
      selector: '',
      read: options.records.node,
      onDelta: (delta, nowMs) => this.controller.onNode(delta, nowMs),
      onSynced: () => this.controller.onNodesSynced(),
      onProgress: (revision) => conduct.knowledge.onNodes(revision),
    });
    this.daemonSets = this.#stream({
      resource: 'daemonsets',
      selector: '',
      read: options.records.daemonSet,
      onDelta: (delta, nowMs) => this.controller.onDaemonSet(delta, nowMs),
      onSynced: () => this.controller.onDaemonSetsSynced(),
      onProgress: (revision) => conduct.knowledge.onDaemonSets(revision),
    });
    this.candidate = new Candidate({
      process,
      network,
      random: forkRandom(random),
      onLeading: (writeUntilMs) => this.#lead(true, writeUntilMs),
      onLost: () => this.#lead(false, 0),
      onStopped: () => options.onStopped(),
    });
  }

  start(): void {
    this.nodes.start();
    this.daemonSets.start();
    this.candidate.start();
  }

  /** SIGTERM: no new work; what is on its way ends, then the lease is given up. */
  shutDown(graceMs: number): void {
    if (this.#isDraining) return;
    this.#isDraining = true;
    this.process.run(() => {
      this.controller.drain();
      this.#awaitIdle(this.process.nowMs + graceMs);
    });
  }

  loseLane(lane: number, restartInMs: number): void {
    this.process.run(() => {
      this.lanes.kill(lane);
      this.#options.checker.onLaneLost(this.conduct, lane);
      const { nowMs } = this.process;
      this.controller.onLaneLost(lane, nowMs + restartInMs, nowMs);
      this.#soon();
    });
  }

  resize(lanes: number): void {
    this.process.run(() => {
      this.laneCount = lanes;
      this.controller.resize(lanes, this.process.nowMs);
      this.#soon();
    });
  }

  #awaitIdle(untilMs: number): void {
    if (!this.controller.isBusy || this.process.nowMs >= untilMs) this.candidate.release();
    else this.process.after(20, () => this.#awaitIdle(untilMs));
  }

  #ports(): ControllerPorts {
    const { checker, trace, process } = this.#options;
    return {
      follow: (daemonSet) => this.#follow(daemonSet),
      unfollow: (key) => this.#unfollow(key),
      send: (lane, batch) => {
        for (const task of batch.tasks) {
          trace.note(process.timeline.nowMs, process.id, `lane ${lane} ${task.action} ${task.slot} ${task.pod}`);
        }
        checker.onSend(this.conduct, lane, batch);
        this.lanes.send(lane, batch);
        process.reach('batch');
      },
      recordEvent: (event) => trace.note(process.timeline.nowMs, process.id, event.message),
      log: () => undefined,
      taskDone: () => undefined,
    };
  }

  #follow(daemonSet: DaemonSetRecord): void {
    const { records } = this.#options;
    const key = daemonSetKey(daemonSet.namespace, daemonSet.name);
    this.#unfollow(key);
    const selector = labelSelectorQuery(daemonSet.selector) ?? '';
    const { namespace, uid } = daemonSet;
    const known = this.conduct.knowledge.follow(key, uid);
    const pods = this.#stream({
      resource: 'pods',
      namespace,
      selector,
      read: records.pod,
      onDelta: (delta, nowMs) => this.controller.onPod(key, delta, nowMs),
      onSynced: () => this.controller.onSynced(key, 'pods'),
      onProgress: (revision, how) => known.onPods(revision, how),
    });
    const revisions = this.#stream({
      resource: 'controllerrevisions',
      namespace,
      selector,
      read: records.revision,
      onDelta: (delta, nowMs) => this.controller.onRevision(key, delta, nowMs),
      onSynced: () => this.controller.onSynced(key, 'revisions'),
      onProgress: (revision) => known.onRevisions(revision),
    });
    this.followed.set(key, { pods, revisions });
    pods.start();
    revisions.start();
  }

  #unfollow(key: DaemonSetKey): void {
    const streams = this.followed.get(key);
    if (streams === undefined) return;
    streams.pods.stop();
    streams.revisions.stop();
    this.followed.delete(key);
    this.conduct.unfollow(key);
  }

  #stream<T extends NodeRecord | DaemonSetRecord | PodRecord | RevisionRecord>(options: {
    readonly resource: 'nodes' | 'daemonsets' | 'pods' | 'controllerrevisions';
    readonly namespace?: string;
    readonly selector: string;
    readonly read: ConstructorParameters<typeof Stream<T>>[0]['read'];
    readonly onDelta: ConstructorParameters<typeof Stream<T>>[0]['onDelta'];
    readonly onSynced: () => void;
    readonly onProgress: ConstructorParameters<typeof Stream<T>>[0]['onProgress'];
  }): Stream<T> {
    const { process, network, random, pageLimit, trace } = this.#options;
    const { resource, namespace = '', selector, read } = options;
    return new Stream<T>({
      process,
      network,
      random: forkRandom(random),
      pageLimit,
      selection: { resource, namespace, labelSelector: selector },
      read,
      onDelta: (delta, nowMs) => {
        options.onDelta(delta, nowMs);
        this.#soon();
      },
      onSynced: () => {
        options.onSynced();
        this.#soon();
      },
      onProgress: (revision, how) => {
        trace.note(process.timeline.nowMs, process.id, `${how} ${resource} ${revision}`);
        options.onProgress(revision, how);
      },
    });
  }

  #lead(isLeading: boolean, writeUntilMs: number): void {
    const { trace } = this.#options;
    trace.note(this.process.timeline.nowMs, this.process.id, isLeading ? 'leads' : 'does not lead');
    const wasLeading = this.controller.leadership.isLeading;
    this.controller.setLeadership({ isLeading, writeUntilMs });
    if (isLeading && !wasLeading) this.#options.onLeading();
    this.#soon();
  }

  #onOutcomes(outcomes: readonly Outcome[]): void {
    const { checker, trace } = this.#options;
    for (const outcome of outcomes) {
      const what = `outcome ${outcome.action} ${outcome.slot} ${outcome.code}`;
      trace.note(this.process.timeline.nowMs, this.process.id, what);
      checker.onOutcome(this.conduct, outcome);
    }
    this.controller.onOutcomes(outcomes, this.process.nowMs);
    this.#soon();
  }

  #soon(): void {
    this.#pump ??= this.process.after(TURN_MS, () => {
      this.#pump = undefined;
      this.#turn();
    });
  }

  #turn(): void {
    if (this.process.isDead) return;
    const { nowMs, timeline } = this.process;
    this.controller.pump(nowMs);
    this.#options.checker.onPumped(this.conduct, this.controller);
    const wakeMs = this.controller.nextWakeMs(nowMs);
    timeline.cancel(this.#wake);
    this.#wake = undefined;
    if (wakeMs === undefined) return;
    const sleepMs = Math.min(SLEEP_MAX_MS, Math.max(1, Math.ceil(wakeMs - nowMs)));
    this.#wake = this.process.after(sleepMs, () => this.#turn());
  }
}
