import type { ElectionEffect, ElectionInput } from '../../src/election/election-effects.ts';
import { ElectionMachine } from '../../src/election/election-machine.ts';
import type { ElectionTimings, ObservedLease } from '../../src/election/lease.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly timings: ElectionTimings;
  /** How fast each candidate's clock runs against real time. */
  readonly clockRates: readonly number[];
  readonly lossProbability: number;
  readonly slowProbability: number;
  readonly pauseProbability: number;
  readonly releaseProbability: number;
}

interface Candidate {
  readonly machine: ElectionMachine;
  readonly rate: number;
  readonly offsetMs: number;
  /** A newer wake replaces an older one. */
  wakeGeneration: number;
  requestGeneration: number;
  isStopped: boolean;
  /** In real time; -Infinity while not leading. */
  windowEndMs: number;
}

function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Several candidates, each with its own clock, a compare-and-swap store, and a network that loses, delays and lies. */
export class ElectionWorld {
  readonly candidates: Candidate[] = [];
  terms = 0;
  overlaps: string[] = [];
  /** Last real time at which nobody had the right to write, counted from the last right's end. */
  longestVacancyMs = 0;
  nowMs = 0;
  isFaulty = true;
  #stored: ObservedLease | undefined;
  #revision = 0;
  #sequence = 0;
  #queue: { atMs: number; sequence: number; run: () => void }[] = [];
  readonly #random: () => number;
  readonly #options: WorldOptions;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#random = randomOf(options.seed);
    options.clockRates.forEach((rate, index) => {
      const machine = new ElectionMachine({
        identity: `candidate-${index}`,
        timings: options.timings,
        random: this.#random,
      });
      const offsetMs = 1e6 * this.#random();
      const candidate: Candidate = {
        machine,
        rate,
        offsetMs,
        wakeGeneration: 0,
        requestGeneration: 0,
        isStopped: false,
        windowEndMs: Number.NEGATIVE_INFINITY,
      };
      this.candidates.push(candidate);
      this.#at(this.#random() * 3000, () => this.#feed(candidate, { type: 'tick' }));
    });
  }

  runUntil(endMs: number): void {
    for (;;) {
      this.#queue.sort((a, b) => a.atMs - b.atMs || a.sequence - b.sequence);
      const next = this.#queue[0];
      if (next === undefined || next.atMs > endMs) break;
      this.#queue.shift();
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.run();
    }
    this.nowMs = endMs;
  }

  leaders(): number {
    return this.candidates.filter((candidate) => candidate.machine.isLeading(this.#localMs(candidate))).length;
  }

  #at(atMs: number, run: () => void): void {
    this.#queue.push({ atMs, sequence: this.#sequence++, run });
  }

  #localMs(candidate: Candidate): number {
    return candidate.offsetMs + this.nowMs * candidate.rate;
  }

  #chance(probability: number): boolean {
    return this.isFaulty && this.#random() < probability;
  }

  #feed(candidate: Candidate, input: ElectionInput): void {
    if (candidate.isStopped) return;
    for (const effect of candidate.machine.handle(input, this.#localMs(candidate))) this.#execute(candidate, effect);
    if (input.type === 'tick' && this.#chance(this.#options.releaseProbability)) {
      this.#feed(candidate, { type: 'release' });
    }
  }

  #execute(candidate: Candidate, effect: ElectionEffect): void {
    switch (effect.type) {
      case 'get':
      case 'create':
      case 'update':
        this.#request(candidate, effect);
        return;
      case 'wake': {
        const generation = ++candidate.wakeGeneration;
        const pauseMs = this.#chance(this.#options.pauseProbability) ? this.#random() * 30_000 : 0;
        // As a real timer, a little late: never so early that the candidate finds nothing to do.
        const atMs = Math.max(this.nowMs, (effect.atMs - candidate.offsetMs) / candidate.rate) + 1 + pauseMs;
        this.#at(atMs, () => {
          if (generation === candidate.wakeGeneration) this.#feed(candidate, { type: 'tick' });
        });
        return;
      }
      case 'became-leader':
        this.terms++;
        this.#open(candidate, effect.writeUntilMs);
        return;
      case 'renewed':
        this.#open(candidate, effect.writeUntilMs);
        return;
      case 'lost':
        candidate.windowEndMs = Number.NEGATIVE_INFINITY;
        return;
      case 'stopped':
        candidate.isStopped = true;
        return;
      case 'leader-observed':
        return;
    }
  }

  #open(candidate: Candidate, writeUntilMs: number): void {
    candidate.windowEndMs = (writeUntilMs - candidate.offsetMs) / candidate.rate;
    for (const other of this.candidates) {
      if (other !== candidate && other.windowEndMs > this.nowMs) {
        this.overlaps.push(`at ${this.nowMs}: the other may write until ${other.windowEndMs}`);
      }
    }
  }

  #request(candidate: Candidate, effect: Extract<ElectionEffect, { timeoutMs: number }>): void {
    const generation = ++candidate.requestGeneration;
    const answer = (input: ElectionInput): void => {
      if (generation !== candidate.requestGeneration) return;
      candidate.requestGeneration++;
      this.#feed(candidate, input);
    };
    const delayMs = (): number =>
      this.#random() * (this.#chance(this.#options.slowProbability) ? (this.#chance(0.5) ? 6000 : 25_000) : 50);
    this.#at(this.nowMs + effect.timeoutMs / candidate.rate, () =>
      answer({ type: effect.type === 'get' ? 'read-failed' : 'write-failed' }),
    );
    if (this.#chance(this.#options.lossProbability)) return;
    // A request that its sender gave up is applied all the same.
    this.#at(this.nowMs + delayMs(), () => {
      const input = this.#apply(effect);
      if (this.#chance(this.#options.lossProbability)) return;
      this.#at(this.nowMs + delayMs(), () => answer(input));
    });
  }

  #apply(effect: Extract<ElectionEffect, { timeoutMs: number }>): ElectionInput {
    if (effect.type === 'get') {
      return this.#stored === undefined ? { type: 'lease-not-found' } : { type: 'lease-read', lease: this.#stored };
    }
    const isFree =
      effect.type === 'create' ? this.#stored === undefined : this.#stored?.resourceVersion === effect.resourceVersion;
    if (!isFree) return { type: 'write-conflict' };
    this.#revision++;
    this.#stored = { record: effect.record, resourceVersion: String(this.#revision) };
    return { type: 'written', resourceVersion: String(this.#revision) };
  }
}
