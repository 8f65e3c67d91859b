import { monotonicMs, wallMs } from '../clock.ts';
import type { ElectionEffect, ElectionInput, LostReason } from './election-effects.ts';
import type { ElectionMachine } from './election-machine.ts';
import type { LeaseRecord } from './lease.ts';

/** Reads and writes the one Lease; resolves with the input that tells the machine how it went, and never rejects. */
export interface LeaseApi {
  get(timeoutMs: number): Promise<ElectionInput>;
  create(record: LeaseRecord, timeoutMs: number): Promise<ElectionInput>;
  update(record: LeaseRecord, resourceVersion: string, timeoutMs: number): Promise<ElectionInput>;
}

/** Called synchronously; must not call back into the elector. */
export interface ElectorListener {
  /** After becoming the leader and after each renewal: writes may leave until then, by both clocks of src/clock.ts. */
  onLeading(writeUntilMs: number, writeUntilWallMs: number): void;
  /** No write may leave any more. The elector goes on as a candidate, except after a release. */
  onLost(reason: LostReason): void;
  onLeaderObserved(identity: string): void;
}

/** Drives an election machine with real requests and timers. */
export class Elector {
  readonly #machine: ElectionMachine;
  readonly #api: LeaseApi;
  readonly #listener: ElectorListener;
  #timer: NodeJS.Timeout | undefined;
  #isAsking = false;
  #isHurried = false;
  readonly #stopped = Promise.withResolvers<void>();

  constructor(machine: ElectionMachine, api: LeaseApi, listener: ElectorListener) {
    this.#machine = machine;
    this.#api = api;
    this.#listener = listener;
  }

  start(): void {
    this.#feed({ type: 'tick' });
  }

  /** New credentials, say: an attempt at once, or as soon as the request that is under way with the old ones has failed. */
  retryNow(): void {
    if (this.#isAsking) this.#isHurried = true;
    else this.#feed({ type: 'tick', isEarly: true });
  }

  /**
   * Gives the lease up (if held) so that the next candidate takes over at its next look. Call it when no guarded write is
   * on its way any more. Resolves when that is done or has failed; then the lease expires by itself.
   */
  async release(): Promise<void> {
    this.#feed({ type: 'release' });
    await this.#stopped.promise;
  }

  isLeading(): boolean {
    return this.#machine.isLeading(monotonicMs(), wallMs());
  }

  get leaderIdentity(): string | undefined {
    return this.#machine.leaderIdentity;
  }

  #feed(input: ElectionInput): void {
    for (const effect of this.#machine.handle(input, monotonicMs(), wallMs())) this.#execute(effect);
  }

  #execute(effect: ElectionEffect): void {
    switch (effect.type) {
      case 'get':
        this.#answer(this.#api.get(effect.timeoutMs));
        return;
      case 'create':
        this.#answer(this.#api.create(effect.record, effect.timeoutMs));
        return;
      case 'update':
        this.#answer(this.#api.update(effect.record, effect.resourceVersion, effect.timeoutMs));
        return;
      case 'wake':
        this.#wakeAt(effect.atMs);
        return;
      case 'became-leader':
      case 'renewed':
        this.#listener.onLeading(effect.writeUntilMs, this.#machine.writeUntilWallMs);
        return;
      case 'lost':
        this.#listener.onLost(effect.reason);
        return;
      case 'leader-observed':
        this.#listener.onLeaderObserved(effect.identity);
        return;
      case 'stopped':
        clearTimeout(this.#timer);
        this.#stopped.resolve();
        return;
    }
  }

  #answer(pending: Promise<ElectionInput>): void {
    this.#isAsking = true;
    void pending.then((input) => {
      this.#isAsking = false;
      this.#feed(input);
      const isFailed = input.type === 'read-failed' || input.type === 'write-failed';
      if (this.#isHurried && isFailed) this.#feed({ type: 'tick', isEarly: true });
      this.#isHurried = false;
    });
  }

  #wakeAt(atMs: number): void {
    clearTimeout(this.#timer);
    // Rounded up: a timer that fires a fraction early would find nothing to do and set another one.
    const delayMs = Math.max(0, Math.ceil(atMs - monotonicMs()));
    this.#timer = setTimeout(() => this.#feed({ type: 'tick' }), delayMs);
  }
}
