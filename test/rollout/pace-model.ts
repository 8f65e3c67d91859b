import type { Pace } from '../../src/rollout/pace.ts';
import { createRandom } from '../../src/simulator/random.ts';
import { type CpuShare, EventQueue, ProcessorSharing } from './pace-model-parts.ts';

/** How pods are recreated once they are gone. */
export type Recreation =
  /** One at a time, in order. */
  | { readonly kind: 'queue'; readonly perSecond: number }
  /** One pass after another; each takes a fixed time and some for each pod that was missing when it began. */
  | { readonly kind: 'passes'; readonly passMs: number; readonly podMs: number }
  /** The whole way of a pod shares CPUs with all others in flight: `perSecond` × n / (n + half) pods a second. */
  | { readonly kind: 'shared'; readonly perSecond: number; readonly half: number; readonly share: CpuShare };

export interface ClusterModel {
  readonly nodes: number;
  readonly budget: number;
  readonly seed: number;
  /** Medians; σ is of the logarithm. */
  readonly terminationMs: number;
  readonly startupMs: number;
  readonly sigma: number;
  readonly recreation: Recreation;
  /** From a decision to the deletion, and from a change to its observation. */
  readonly latencyMs: number;
  /** Of the nodes, in [0, 1]: their new pod never becomes available; their old pod never goes. */
  readonly failing?: number;
  readonly stuck?: number;
  /** What becomes different, and when. */
  readonly changes?: readonly { readonly atMs: number; readonly change: Partial<ClusterModel> }[];
  readonly fixedWindow?: number;
  /** The pace is not told of re-creations. */
  readonly isBlind?: boolean;
  readonly untilMs?: number;
  /** How often to look; default 100, and 0 is never. */
  readonly sampleMs?: number;
}

export interface ModelSample {
  readonly atMs: number;
  readonly inFlight: number;
  readonly pending: number;
  readonly completed: number;
  readonly window: number;
}

export interface ModelResult {
  /** Until every node that can is done; Infinity when the time ran out before. */
  readonly wallMs: number;
  readonly podSeconds: number;
  readonly peak: number;
  readonly completed: number;
  readonly samples: readonly ModelSample[];
}

/** Rolls a modelled cluster over in virtual time, with a pace; the same seed gives the same run. */
export function runModel(initial: ClusterModel, pace: Pace, startMs = 0): ModelResult {
  return new Run(initial, pace, startMs).result();
}

interface Job {
  readonly isFailing: boolean;
  readonly isStuck: boolean;
  deletedAtMs: number;
  observedAtMs: number;
  goneAtMs: number;
}

class Run {
  #model: ClusterModel;
  readonly #pace: Pace;
  readonly #events = new EventQueue();
  readonly #cpu = new ProcessorSharing<() => void>();
  readonly #random: () => number;
  readonly #samples: ModelSample[] = [];
  readonly #missing: Job[] = [];
  readonly #startMs: number;
  #nowMs: number;
  #isServing = false;
  #departed = 0;
  #completed = 0;
  #failing = 0;
  #stuck = 0;
  #inFlight = 0;
  #pending = 0;
  #down = 0;
  #peak = 0;
  #podMs = 0;

  constructor(model: ClusterModel, pace: Pace, startMs: number) {
    this.#model = model;
    this.#pace = pace;
    this.#random = createRandom(model.seed);
    this.#startMs = startMs;
    this.#nowMs = startMs;
  }

  result(): ModelResult {
    for (const { atMs, change } of this.#model.changes ?? []) {
      this.#at(this.#startMs + atMs, () => {
        this.#model = { ...this.#model, ...change };
        const { recreation } = this.#model;
        if (recreation.kind === 'shared') this.#cpu.setCurve(recreation.perSecond, recreation.half);
      });
    }
    const { recreation, untilMs = 100 * 3_600_000, sampleMs: everyMs = 100 } = this.#model;
    if (recreation.kind === 'shared') this.#cpu.setCurve(recreation.perSecond, recreation.half);
    const endMs = this.#startMs + untilMs;
    let sampleMs = everyMs > 0 ? this.#startMs : Number.POSITIVE_INFINITY;
    this.#select();
    while (!this.#isDone()) {
      const cpuMs = this.#cpu.nextMs(this.#nowMs, this.#inFlight);
      const wakeMs = this.#pace.nextWakeMs(this.#nowMs) ?? Number.POSITIVE_INFINITY;
      const nextMs = Math.min(this.#events.nextMs, cpuMs, wakeMs);
      while (sampleMs < Math.min(nextMs, endMs)) {
        this.#sample(sampleMs);
        sampleMs += everyMs;
      }
      if (nextMs > endMs) return this.#report(Number.POSITIVE_INFINITY);
      this.#advance(nextMs);
      if (cpuMs === nextMs) this.#cpu.take()?.();
      else if (this.#events.nextMs === nextMs) this.#events.take()?.();
      this.#select();
    }
    return this.#report(this.#nowMs - this.#startMs);
  }

  #report(wallMs: number): ModelResult {
    const podSeconds = this.#podMs / 1000;
    return { wallMs, podSeconds, peak: this.#peak, completed: this.#completed, samples: this.#samples };
  }

  #isDone(): boolean {
    return this.#completed + this.#failing + this.#stuck >= this.#model.nodes;
  }

  #at(atMs: number, run: () => void): void {
    this.#events.add(atMs, run);
  }

  #after(delayMs: number, run: () => void): void {
    this.#at(this.#nowMs + delayMs, run);
  }

  #advance(nowMs: number): void {
    this.#podMs += this.#down * (nowMs - this.#nowMs);
    this.#cpu.advance(nowMs - this.#nowMs, this.#inFlight);
    this.#nowMs = nowMs;
  }

  #window(): number {
    const { budget, fixedWindow } = this.#model;
    if (fixedWindow !== undefined) return Math.min(budget, fixedWindow);
    return this.#pace.window({
      budget,
      inFlight: this.#inFlight,
      pending: this.#model.isBlind === true ? 0 : this.#pending,
      failed: 0,
      waiting: this.#model.nodes - this.#departed,
      nowMs: this.#nowMs,
    });
  }

  #sample(atMs: number): void {
    this.#samples.push({
      atMs: atMs - this.#startMs,
      inFlight: this.#inFlight,
      pending: this.#pending,
      completed: this.#completed,
      window: this.#window(),
    });
  }

  #select(): void {
    const { nodes, budget } = this.#model;
    let size = Math.min(budget, this.#window());
    while (this.#departed < nodes && this.#inFlight < size) {
      this.#depart();
      size = Math.min(budget, this.#window());
    }
  }

  #depart(): void {
    const { failing = 0, stuck = 0, latencyMs } = this.#model;
    const draw = this.#random();
    const job: Job = {
      isStuck: draw < stuck,
      isFailing: draw >= stuck && draw < stuck + failing,
      deletedAtMs: 0,
      observedAtMs: 0,
      goneAtMs: 0,
    };
    this.#departed += 1;
    this.#inFlight += 1;
    this.#pending += 1;
    this.#pace.onDeparture(this.#nowMs);
    this.#after(latencyMs, () => this.#delete(job));
  }

  #delete(job: Job): void {
    job.deletedAtMs = this.#nowMs;
    job.observedAtMs = this.#nowMs + this.#model.latencyMs;
    this.#down += 1;
    this.#peak = Math.max(this.#peak, this.#down);
    if (job.isStuck) this.#stuck += 1;
    else this.#stage('terminate', this.#model.terminationMs, () => this.#gone(job));
  }

  #gone(job: Job): void {
    job.goneAtMs = this.#nowMs;
    if (this.#model.recreation.kind === 'shared') {
      this.#stage('recreate', 0, () => this.#recreated(job));
      return;
    }
    this.#missing.push(job);
    if (!this.#isServing) this.#serve();
  }

  #serve(): void {
    const { recreation } = this.#model;
    const count = recreation.kind === 'passes' ? this.#missing.length : 1;
    const batch = this.#missing.splice(0, count);
    this.#isServing = batch.length > 0;
    if (recreation.kind === 'passes' && this.#isServing) {
      for (const [index, job] of batch.entries()) {
        this.#after(recreation.passMs / 2 + (index + 1) * recreation.podMs, () => this.#recreated(job));
      }
      this.#after(recreation.passMs + batch.length * recreation.podMs, () => this.#serve());
    } else if (recreation.kind === 'queue' && this.#isServing) {
      this.#after((1000 / recreation.perSecond) * (0.5 + this.#random()), () => {
        for (const job of batch) this.#recreated(job);
        this.#serve();
      });
    }
  }

  #recreated(job: Job): void {
    const delayMs = this.#nowMs - job.goneAtMs;
    this.#after(this.#model.latencyMs, () => {
      this.#pending -= 1;
      if (this.#model.isBlind === true) return;
      this.#pace.onRecreated({ delayMs, sinceDeletionMs: this.#nowMs - job.observedAtMs }, this.#nowMs);
    });
    if (job.isFailing) this.#failing += 1;
    else this.#stage('start', this.#model.startupMs, () => this.#available(job));
  }

  #available(job: Job): void {
    this.#down -= 1;
    this.#after(this.#model.latencyMs, () => {
      this.#inFlight -= 1;
      this.#completed += 1;
      this.#pace.onCompletion(this.#nowMs - job.observedAtMs, this.#nowMs);
    });
  }

  /** A step that takes its own time, or its share of the CPUs. */
  #stage(stage: keyof CpuShare, medianMs: number, then: () => void): void {
    const { recreation, sigma } = this.#model;
    const spread = Math.exp(sigma * this.#normal());
    if (recreation.kind === 'shared') {
      this.#cpu.add(recreation.share[stage] * spread * Math.exp((-sigma * sigma) / 2), () => {
        if (medianMs > 0) this.#after(medianMs * spread, then);
        else then();
      });
    } else this.#after(medianMs * spread, then);
  }

  #normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.#random())) * Math.cos(2 * Math.PI * this.#random());
  }
}
