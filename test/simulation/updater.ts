import { Controller } from '../../src/controller/controller.ts';
import type { ControllerPorts, DaemonSetEvent } from '../../src/controller/ports.ts';
import { BATCH_MAX, LANE_IN_FLIGHT_MAX, TASK_TIMEOUT_MS } from '../../src/manager/limits.ts';
import type { Outcome } from '../../src/protocol/outcome.ts';
import { forkRandom, type Random } from '../../src/simulator/random.ts';
import type { Planned } from '../../src/simulator/timeline.ts';
import { Candidate } from './candidate.ts';
import type { Checker } from './checker.ts';
import type { Conduct } from './conduct.ts';
import { SimLanes } from './lanes.ts';
import type { Network } from './network.ts';
import { Note } from './note.ts';
import type { SimProcess } from './process.ts';
import { Reader } from './reader.ts';
import type { Records } from './records.ts';
import type { Trace } from './trace.ts';
import { View } from './view.ts';

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
  readonly gatherMs: number;
  /** It was told that it leads. */
  readonly onLeading: () => void;
  /** A stream has not been confirmed for so long that nothing may rest on it. */
  readonly onStale: () => void;
  readonly onStopped: () => void;
  readonly onEvent?: (event: DaemonSetEvent) => void;
}

/** As the program has it. */
const SLEEP_MAX_MS = 60_000;
const FLUSH_MS = 1000;

/** One process of the updater: reflectors, controller, lanes and elector, wired as the program wires them. */
export class Updater {
  readonly process: SimProcess;
  readonly controller: Controller;
  readonly lanes: SimLanes;
  readonly candidate: Candidate;
  readonly conduct: Conduct;
  readonly reader: Reader;
  readonly view: View;
  readonly #note: Note;
  #isPrepared = false;
  #right: readonly [number, number] | undefined;
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
    this.view = new View(process, (losses) => {
      this.controller.setLosses(losses);
      this.#soon();
    });
    this.reader = new Reader({
      ...options,
      conduct,
      view: this.view,
      controller: this.controller,
      onInput: () => this.#soon(),
    });
    this.#note = new Note({
      process,
      network,
      memories: () => this.controller.memories(),
      remember: (memories) => this.controller.remember(memories, process.nowMs),
      mayWrite: () => this.candidate.isLeading,
    });
    this.candidate = new Candidate({
      process,
      network,
      random: forkRandom(random),
      onLeading: (writeUntilMs, writeUntilWallMs) => this.#takeOver([writeUntilMs, writeUntilWallMs]),
      onLost: () => {
        this.#isPrepared = false;
        this.#right = undefined;
        this.#note.standBy();
        this.#lead(false, 0);
      },
      onStopped: () => options.onStopped(),
    });
  }

  start(): void {
    this.#note.start();
    this.reader.start();
    this.view.start();
    this.candidate.start();
  }

  /** Nothing is to go wrong any more. */
  recover(lanes: number): void {
    this.view.restoreAll();
    this.resize(lanes);
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
    if (!this.controller.isBusy || this.process.nowMs >= untilMs) {
      this.#note.flush();
      this.process.after(FLUSH_MS, () => this.candidate.release());
    } else this.process.after(20, () => this.#awaitIdle(untilMs));
  }

  #ports(): ControllerPorts {
    const { checker, trace, process } = this.#options;
    return {
      follow: (daemonSet) => this.reader.follow(daemonSet),
      unfollow: (key) => this.reader.unfollow(key),
      readRevisions: (key) => this.reader.readRevisions(key),
      send: (lane, batch) => {
        for (const task of batch.tasks) {
          trace.note(process.timeline.nowMs, process.id, `lane ${lane} ${task.action} ${task.slot} ${task.pod}`);
        }
        checker.onSend(this.conduct, lane, batch);
        this.lanes.send(lane, batch);
        process.reach('batch');
      },
      recordEvent: (event) => {
        trace.note(process.timeline.nowMs, process.id, event.message);
        this.#options.onEvent?.(event);
      },
      log: () => undefined,
      taskDone: () => undefined,
    };
  }

  /** Nothing is decided before it is known what the leader before remembered. */
  #takeOver(right: readonly [writeUntilMs: number, writeUntilWallMs: number]): void {
    const isNew = this.#right === undefined;
    this.#right = right;
    if (this.#isPrepared) this.#lead(true, ...right);
    else if (isNew) {
      this.#note.takeOver(() => {
        this.#isPrepared = true;
        if (this.#right !== undefined) this.#lead(true, ...this.#right);
      });
    }
  }

  #lead(isLeading: boolean, writeUntilMs: number, writeUntilWallMs?: number): void {
    const { trace } = this.#options;
    trace.note(this.process.timeline.nowMs, this.process.id, isLeading ? 'leads' : 'does not lead');
    const wasLeading = this.controller.leadership.isLeading;
    this.controller.setLeadership({ isLeading, writeUntilMs, writeUntilWallMs });
    if (isLeading && !wasLeading) {
      this.conduct.lead();
      this.#options.onLeading();
    }
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
    this.#pump ??= this.process.after(this.#options.gatherMs, () => {
      this.#pump = undefined;
      this.#turn();
    });
  }

  #turn(): void {
    if (this.process.isDead) return;
    const { nowMs, timeline } = this.process;
    this.view.lookIfDue();
    this.controller.pump(nowMs, this.process.wallMs);
    const mayDecide = this.candidate.isLeading && !this.#isDraining;
    this.#options.checker.onPumped(this.conduct, this.controller, mayDecide);
    for (let stale = this.conduct.view.onTurn(); stale > 0; stale -= 1) this.#options.onStale();
    const wakeMs = this.controller.nextWakeMs(nowMs);
    timeline.cancel(this.#wake);
    this.#wake = undefined;
    if (wakeMs === undefined) return;
    const sleepMs = Math.min(SLEEP_MAX_MS, Math.max(1, Math.ceil(wakeMs - nowMs)));
    this.#wake = this.process.after(sleepMs, () => this.#turn());
  }
}
