import type { ContactLimits } from '../cache/contact.ts';
import type { ApiClient } from '../client/api.ts';
import { elapsedMs, monotonicMs, wallMs } from '../clock.ts';
import { Controller, type Leadership } from '../controller/controller.ts';
import type { DaemonSetEvent, LogFields, LogLevel } from '../controller/ports.ts';
import type { TrafficOptions } from '../controller/traffic.ts';
import { LOOK_EVERY_MS, ViewLook } from '../controller/view-losses.ts';
import type { RunReport } from '../dispatch/dispatch-stats.ts';
import type { Outcome } from '../protocol/outcome.ts';
import type { TaskBatch } from '../protocol/task.ts';
import { ClusterReader, type ReaderProblem } from './cluster-reader.ts';
import { GATHER_MS } from './limits.ts';

/** The longest a timer may sleep; a later wake-up is asked for again. */
const SLEEP_MAX_MS = 60_000;

export interface ControllerHostOptions {
  readonly client: ApiClient;
  /** Empty: all namespaces. */
  readonly namespaces: readonly string[];
  readonly controller: TrafficOptions;
  readonly send: (lane: number, batch: TaskBatch) => void;
  readonly recordEvent: (event: DaemonSetEvent) => void;
  readonly log: (level: LogLevel, message: string, fields: LogFields) => void;
  readonly taskDone: (outcome: Outcome, run: RunReport | undefined) => void;
  readonly onProblem: (problem: ReaderProblem) => void;
  readonly contactLimits?: ContactLimits | undefined;
}

/**
 * Runs the controller on the real clock: feeds it what the reflectors read and what the lanes answer, and pumps it
 * soon after something came in, and whenever it asked to be woken.
 */
export class ControllerHost {
  readonly controller: Controller;
  readonly reader: ClusterReader;
  #gathering: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lookTimer: NodeJS.Timeout | undefined;
  readonly #look = new ViewLook();
  #isStopped = false;

  constructor(options: ControllerHostOptions) {
    this.reader = new ClusterReader(options, {
      onDaemonSet: (change) => this.#input((nowMs) => this.controller.onDaemonSet(change, nowMs)),
      onNode: (change) => this.#input((nowMs) => this.controller.onNode(change, nowMs)),
      onPod: (key, change) => this.#input((nowMs) => this.controller.onPod(key, change, nowMs)),
      onRevision: (key, change) => this.#input((nowMs) => this.controller.onRevision(key, change, nowMs)),
      onNodesSynced: () => this.#input(() => this.controller.onNodesSynced()),
      onDaemonSetsSynced: () => this.#input(() => this.controller.onDaemonSetsSynced()),
      onSynced: (key, part) => this.#input(() => this.controller.onSynced(key, part)),
      onRevisionsRead: (key) => this.#input(() => this.controller.onRevisionsRead(key)),
      onRevisionsProblem: (key, message) => this.#input(() => this.controller.onRevisionsProblem(key, message)),
    });
    this.controller = new Controller(options.controller, {
      follow: (daemonSet) => this.reader.follow(daemonSet),
      unfollow: (key) => this.reader.unfollow(key),
      readRevisions: (key) => this.reader.readRevisions(key),
      send: options.send,
      recordEvent: options.recordEvent,
      log: options.log,
      taskDone: options.taskDone,
    });
  }

  start(): void {
    this.reader.start();
    this.#lookTimer = setInterval(() => this.#lookAtView(elapsedMs()), LOOK_EVERY_MS);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#gathering);
    clearTimeout(this.#timer);
    clearInterval(this.#lookTimer);
    await this.reader.stop();
  }

  setLeadership(leadership: Leadership): void {
    this.#input(() => this.controller.setLeadership(leadership));
  }

  /** See `Controller.remember`. */
  remember(memories: ReadonlyMap<string, string>): void {
    this.#input((nowMs) => this.controller.remember(memories, nowMs));
  }

  onOutcomes(outcomes: readonly Outcome[]): void {
    this.#input((nowMs) => this.controller.onOutcomes(outcomes, nowMs));
  }

  onLaneLost(lane: number, reopenAtMs: number): void {
    this.#input((nowMs) => this.controller.onLaneLost(lane, reopenAtMs, nowMs));
  }

  resize(lanes: number): void {
    this.#input((nowMs) => this.controller.resize(lanes, nowMs));
  }

  drain(): void {
    this.#input(() => this.controller.drain());
  }

  /** The last input; nothing is decided any more. */
  end(): void {
    this.controller.end(monotonicMs());
  }

  #input(apply: (nowMs: number) => void): void {
    if (this.#isStopped) return;
    apply(monotonicMs());
    this.#gathering ??= setTimeout(() => this.#pump(), GATHER_MS);
  }

  #lookAtView(nowMs: number): void {
    const losses = this.reader.losses();
    if (this.#look.saw(losses, nowMs)) this.#input(() => this.controller.setLosses(losses));
  }

  #pump(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    if (this.#isStopped) return;
    const nowMs = monotonicMs();
    const seenMs = elapsedMs();
    if (this.#look.isDue(seenMs)) this.#lookAtView(seenMs);
    this.controller.pump(nowMs, wallMs());
    const wakeMs = this.controller.nextWakeMs(nowMs);
    clearTimeout(this.#timer);
    if (wakeMs === undefined) return;
    const sleepMs = Math.min(SLEEP_MAX_MS, Math.max(1, Math.ceil(wakeMs - nowMs)));
    this.#timer = setTimeout(() => this.#pump(), sleepMs);
  }
}
