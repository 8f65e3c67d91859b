import { daemonSetKey } from '../../src/protocol/slot.ts';
import { SimulatedCluster } from '../../src/simulator/cluster.ts';
import type { NodeObject } from '../../src/simulator/objects.ts';
import { createRandom, forkRandom, type Random } from '../../src/simulator/random.ts';
import { Checker } from './checker.ts';
import { ProcessClock, StampClock } from './clocks.ts';
import { Havoc, heal, removeDecoys, stripHashLabels } from './havoc.ts';
import { Lasting } from './lasting.ts';
import { whatIsLeft } from './liveness.ts';
import { addHopelessNodes, breakPods, createDaemonSet, drawNode, NAMESPACE, waitOut } from './making.ts';
import { whatIsKept } from './memory.ts';
import { type Happened, Network, type Tally } from './network.ts';
import { patienceMs } from './patience.ts';
import { type Moment, SimProcess } from './process.ts';
import { Records } from './records.ts';
import { isHarmless, type Kind, pick, type Spec } from './spec.ts';
import { Spoilage } from './spoilage.ts';
import { type Trace, Violation } from './trace.ts';
import { Updater } from './updater.ts';

const START_MS = 1_800_000_000_000;
/** Clocks of two machines differ by less than this share in their speed. */
const DRIFT_MAX = 0.08;
const SHUTDOWN_GRACE_MS = 5000;
/** With these a process may not know what was broken before anybody's turn. */
const FORGETTING: readonly Kind[] = [
  'crash',
  'restart',
  'two-leaders',
  'pause',
  'suspend',
  'opt-out',
  'not-on-delete',
  'recreate',
  'strategy',
  'unreadable',
  'clock-step',
  'wall-step',
  // What came and went before it watched, and while it did, is not broken for one whole deadline, as far as it can tell.
  'node-not-ready',
  'node-away',
  'node-flap',
  'mass-away',
  'site-outage',
  'exclude',
  'relabel',
  'there-and-back',
];
/** How often it is looked whether everything has settled. */
const SETTLE_STEP_MS = 5000;

/** A cluster, its users and the updater's processes on one timeline. */
export class World {
  readonly cluster: SimulatedCluster;
  readonly network: Network;
  readonly checker: Checker;
  readonly spoilage: Spoilage;
  readonly stamps = new StampClock();
  readonly trace: Trace;
  readonly tally: Tally = new Map();
  /** One a replica; a replica that starts again is another one. */
  readonly updaters: Updater[] = [];
  readonly #spec: Spec;
  readonly #records: Records;
  readonly #random: Random;
  readonly #havoc: Havoc;
  readonly lasting: Lasting;
  #number = 2;
  #processNumber = 0;
  #isCalm = false;

  constructor(spec: Spec, trace: Trace) {
    this.#spec = spec;
    this.trace = trace;
    const random = createRandom(spec.seed ^ 0x5eed);
    const { startupMs, terminationMs, podsPerSecond, reactionMs } = spec;
    const pace = { startupMs, terminationMs, podsPerSecond, reactionMs };
    const isObserved = isHarmless(spec);
    this.cluster = new SimulatedCluster({ startMs: START_MS, isObserved, ...pace }, forkRandom(random));
    this.spoilage = new Spoilage(this.cluster.store);
    this.lasting = new Lasting(this.cluster);
    const { stamps, spoilage } = this;
    const areClocksTrue = !(['clock-step', 'wall-step', 'suspend'] as const).some((kind) => spec.kinds.has(kind));
    this.checker = new Checker(this.cluster, trace, { stamps, spoilage, maxInFlight: spec.maxInFlight, areClocksTrue });
    this.network = new Network({ cluster: this.cluster, trace, spec, random: forkRandom(random), tally: this.tally });
    this.#records = new Records(this.stamps, this.spoilage);
    this.#random = forkRandom(random);
    this.#havoc = new Havoc(this, forkRandom(random));
    const making = forkRandom(random);
    for (let index = 0; index < spec.nodes; index += 1) this.cluster.createNode(this.newNode(making));
    for (const daemonSet of spec.daemonSets) createDaemonSet(this.cluster, daemonSet);
    this.cluster.advanceTo(START_MS + 3000);
    this.#addHopeless(making);
    this.#sendAway(making);
    if (spec.kinds.has('unlabelled-pods')) {
      this.happened('unlabelled-pods');
      stripHashLabels(this.cluster, making);
    }
    for (let index = 0; index < spec.replicas; index += 1) this.#launch(index);
  }

  /** Things go wrong for as long as the spec says; every rule is checked after every event. */
  runFaults(): void {
    this.#havoc.start(this.#spec);
    const isGoingToUpdate = this.#spec.kinds.has('template');
    if (isGoingToUpdate) for (const { name } of this.#spec.daemonSets) this.#updateSoon(name);
    this.cluster.advanceTo(this.cluster.nowMs + this.#spec.faultMs);
  }

  /** Nothing goes wrong any more: everything must settle by itself. Returns how long it took, in virtual time. */
  runCalm(): number {
    this.#calm();
    const fromMs = this.cluster.nowMs;
    let longestMs = 0;
    let left = 'not looked at';
    while (this.cluster.nowMs <= fromMs + longestMs) {
      // Nodes that come back, and DaemonSets that users create again, are work too.
      longestMs = Math.max(longestMs, patienceMs(this.#spec, this.cluster, this.lasting.hopeless.size));
      this.cluster.advanceTo(this.cluster.nowMs + SETTLE_STEP_MS);
      left = whatIsLeft(this);
      if (left === '') {
        const kept = whatIsKept(this);
        if (kept !== '') throw new Violation('memory', kept);
        this.#askObserver();
        for (const { conduct } of this.updaters) conduct.verify();
        return this.cluster.nowMs - fromMs;
      }
    }
    throw new Violation('liveness', `after ${Math.round(longestMs / 60_000)} calm minutes: ${left}`);
  }

  /** Where nothing but users was at work, the cluster's own observer (which knows of no knowledge) must agree. */
  #askObserver(): void {
    if (!isHarmless(this.#spec)) return;
    const { violations } = this.cluster.observer.report();
    if (violations.length > 0) throw new Violation('observer', violations.join('; '));
  }

  happened(kind: Happened): void {
    this.tally.set(kind, (this.tally.get(kind) ?? 0) + 1);
    this.trace.note(this.cluster.nowMs, 'havoc', kind);
  }

  nextNumber(): number {
    this.#number += 1;
    return this.#number;
  }

  newNode(random: Random = this.#random): NodeObject {
    return drawNode(`node-${String(this.nextNumber()).padStart(3, '0')}`, random, this.#spec.hasZones);
  }

  resetPace(): void {
    this.cluster.daemonSets.setReactionMs(this.#spec.reactionMs);
    this.cluster.kubelets.setStartupMs(this.#spec.startupMs);
  }

  /** A process dies without a word, and starts again with an empty memory. */
  crash(downMs: number): void {
    const index = Math.floor(this.#random() * this.updaters.length);
    const updater = this.updaters[index];
    if (updater === undefined || updater.process.isDead) return;
    this.trace.note(this.cluster.nowMs, updater.process.id, 'dies');
    updater.process.kill();
    this.cluster.timeline.after(downMs, () => this.#launch(index));
  }

  /** A new version of the updater is rolled out: SIGTERM, then a new process. */
  restart(): void {
    const updater = pick(this.#random, this.updaters);
    this.trace.note(this.cluster.nowMs, updater.process.id, 'shuts down');
    updater.shutDown(SHUTDOWN_GRACE_MS);
  }

  /** A process is stopped for a while, now or at its next vulnerable moment. */
  pause(pauseMs: number, moment: Moment | undefined): void {
    this.#pause(pick(this.#random, this.updaters), pauseMs, moment);
  }

  /** Whoever leads is stopped for so long that another one takes over. */
  pauseLeader(pauseMs: number, moment: Moment | undefined, isSuspended = false): void {
    const leader = this.updaters.find(({ candidate }) => candidate.isLeading);
    if (leader !== undefined) this.#pause(leader, pauseMs, moment, isSuspended);
  }

  #pause({ process }: Updater, pauseMs: number, moment: Moment | undefined, isSuspended = false): void {
    const stop = (): void => {
      if (process.isStopped || this.#isCalm) return;
      this.trace.note(this.cluster.nowMs, process.id, 'is stopped');
      if (isSuspended) process.suspend();
      else process.stop();
      this.cluster.timeline.after(pauseMs, () => process.resume());
    };
    if (moment === undefined) stop();
    else process.ambush(moment, stop);
  }

  #launch(index: number): void {
    const { lanes, qps, maxInFlight, pageLimit, gatherMs, slotsATurn, kinds } = this.#spec;
    this.#processNumber += 1;
    if (kinds.has('clock-drift')) this.happened('clock-drift');
    const drift = kinds.get('clock-drift') ?? 0;
    const skewMs = (kinds.get('clock-step') ?? 0) * 1_200_000 * (this.#random() - 0.5);
    const { timeline, nowMs } = this.cluster;
    const clock = new ProcessClock({
      startMs: nowMs,
      originMs: nowMs + skewMs,
      rate: 1 + drift * DRIFT_MAX * (2 * this.#random() - 1),
    });
    const process = new SimProcess({ id: `updater-${this.#processNumber}`, clock, timeline });
    const updater = new Updater({
      process,
      network: this.network,
      checker: this.checker,
      records: this.#records,
      trace: this.trace,
      random: forkRandom(this.#random),
      controller: { lanes, qps, burst: qps, maxInFlight, maxInFlightPerDaemonSet: 250, slotsATurn },
      pageLimit,
      gatherMs,
      onLeading: () => this.#countLeaders(),
      onStale: () => this.happened('stale-view'),
      onStopped: () => this.#onStopped(index),
    });
    this.updaters[index] = updater;
    process.run(() => updater.start());
  }

  #countLeaders(): void {
    const believers = this.updaters.filter(
      ({ process, controller }) => !process.isDead && controller.leadership.isLeading,
    );
    if (believers.length > 1) this.happened('both-lead');
  }

  #onStopped(index: number): void {
    const updater = this.updaters[index];
    if (updater === undefined || updater.process.isDead) return;
    updater.process.kill();
    this.cluster.timeline.after(500, () => this.#launch(index));
  }

  /** With wrong clocks a node that is away could be taken for one that its new pod brought down, which keeps its place. */
  #sendAway(random: Random): void {
    const share = 0.3 * (this.#spec.kinds.get('node-away') ?? 0);
    if (share === 0 || this.#spec.kinds.has('clock-step')) return;
    for (const { metadata } of [...this.cluster.store.all('nodes')]) {
      if (random() >= share) continue;
      this.happened('node-away');
      this.lasting.away.add(metadata.name);
      this.cluster.setNodeReady(metadata.name, false);
    }
  }

  #addHopeless(random: Random): void {
    const { kinds } = this.#spec;
    const isIn = (kind: 'never-runs' | 'broken-before'): boolean => {
      if (kinds.has(kind)) this.happened(kind);
      return kinds.has(kind);
    };
    const nodes = isIn('never-runs') ? [this.newNode(random), this.newNode(random)] : [];
    for (const name of addHopelessNodes(this.cluster, nodes)) this.lasting.hopeless.add(name);
    if (nodes.length > 0) waitOut(this.cluster, this.#spec);
    if (isIn('broken-before'))
      for (const name of breakPods(this.lasting, this.cluster, this.#spec, random)) this.lasting.hopeless.add(name);
  }

  #updateSoon(name: string): void {
    this.cluster.timeline.after(1000 + 20_000 * this.#random(), () => {
      const key = daemonSetKey(NAMESPACE, name);
      if (this.cluster.store.get('daemonsets', key) === undefined) return;
      this.cluster.updateTemplate(key, `registry.example/agent:v${this.nextNumber()}`);
    });
  }

  #calm(): void {
    if (this.#isCalm) return;
    this.#isCalm = true;
    this.#havoc.end();
    this.network.endFaults();
    this.resetPace();
    removeDecoys(this.cluster);
    this.spoilage.endAll();
    if (FORGETTING.some((kind) => this.#spec.kinds.has(kind))) this.lasting.heal();
    this.lasting.end();
    for (const object of [...this.cluster.store.all('pods')])
      heal(this.cluster, `${NAMESPACE}/${object.metadata.name}`);
    if (this.#spec.kinds.has('stays-bad')) {
      this.happened('stays-bad');
      this.lasting.spoilNewest(this.#random);
    }
    for (const { process } of this.updaters) process.resume();
    for (const updater of this.updaters) updater.recover(this.#spec.lanes);
  }
}
