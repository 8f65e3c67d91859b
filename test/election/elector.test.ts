import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { monotonicMs } from '../../src/clock.ts';
import type { ElectionInput } from '../../src/election/election-effects.ts';
import { ElectionMachine } from '../../src/election/election-machine.ts';
import { Elector, type LeaseApi } from '../../src/election/elector.ts';
import type { LeaseRecord, ObservedLease } from '../../src/election/lease.ts';

const TIMINGS = { leaseDurationMs: 4000, renewDeadlineMs: 1500, retryPeriodMs: 40 };
/** No pause of the machine costs the lease. */
const PATIENT = { ...TIMINGS, leaseDurationMs: 40_000, renewDeadlineMs: 30_000 };

class MemoryLease implements LeaseApi {
  stored: ObservedLease | undefined;
  isDown = false;
  #revision = 0;

  async get(): Promise<ElectionInput> {
    await delay(1);
    if (this.isDown) return { type: 'read-failed' };
    return this.stored === undefined ? { type: 'lease-not-found' } : { type: 'lease-read', lease: this.stored };
  }

  create(record: LeaseRecord): Promise<ElectionInput> {
    return this.#write(record, undefined);
  }

  update(record: LeaseRecord, resourceVersion: string): Promise<ElectionInput> {
    return this.#write(record, resourceVersion);
  }

  async #write(record: LeaseRecord, resourceVersion: string | undefined): Promise<ElectionInput> {
    await delay(1);
    if (this.isDown) return { type: 'write-failed' };
    if (this.stored?.resourceVersion !== resourceVersion) return { type: 'write-conflict' };
    this.#revision++;
    this.stored = { record, resourceVersion: String(this.#revision) };
    return { type: 'written', resourceVersion: String(this.#revision) };
  }
}

interface Candidate {
  readonly elector: Elector;
  readonly events: EventEmitter;
  readonly writeUntil: number[];
}

function candidateOf(identity: string, lease: LeaseApi, timings = TIMINGS): Candidate {
  const events = new EventEmitter();
  const writeUntil: number[] = [];
  const machine = new ElectionMachine({ identity, timings, random: () => 0 });
  const elector = new Elector(machine, lease, {
    onLeading: (writeUntilMs) => {
      writeUntil.push(writeUntilMs);
      events.emit(`leading-${writeUntil.length}`);
    },
    onLost: (reason) => events.emit('lost', reason),
    onLeaderObserved: () => {},
  });
  return { elector, events, writeUntil };
}

function within(ms: number): { signal: AbortSignal } {
  return { signal: AbortSignal.timeout(ms) };
}

test('elector: starts, renews, releases → the next one leads at once, and the first stays stopped', async () => {
  const lease = new MemoryLease();
  const first = candidateOf('first', lease, PATIENT);
  const second = candidateOf('second', lease, PATIENT);
  first.elector.start();
  await once(first.events, 'leading-3', within(120_000));
  assert.ok(first.elector.isLeading());
  assert.ok((first.writeUntil[2] ?? 0) > (first.writeUntil[0] ?? 0));
  assert.ok((first.writeUntil[2] ?? 0) <= monotonicMs() + PATIENT.renewDeadlineMs);
  second.elector.start();
  const lost = once(first.events, 'lost', within(120_000));
  const leads = once(second.events, 'leading-1', within(120_000));
  const releasedMs = monotonicMs();
  await first.elector.release();
  assert.deepEqual(await lost, ['released']);
  assert.ok(!first.elector.isLeading());
  await leads;
  assert.ok(monotonicMs() - releasedMs < PATIENT.leaseDurationMs, 'it need not wait for the lease to run out');
  assert.equal(second.elector.leaderIdentity, 'second');
  await second.elector.release();
  assert.equal(lease.stored?.record.holderIdentity, '');
});

/** Nothing happens by itself within the test. */
const SLOW = { leaseDurationMs: 90_000, renewDeadlineMs: 60_000, retryPeriodMs: 30_000 };

/** Its reads are answered by the test until `isOpen`. */
class HeldLease extends MemoryLease {
  readonly reads: ((input: ElectionInput) => void)[] = [];
  isOpen = false;

  override get(): Promise<ElectionInput> {
    return this.isOpen ? super.get() : new Promise((resolve) => this.reads.push(resolve));
  }
}

for (const [name, isLate] of [
  ['refused, then new credentials → an attempt at once', false],
  ['new credentials while a request with the old ones is under way → another attempt when that is refused', true],
] as const) {
  test(`elector: ${name}`, async (t) => {
    const lease = new HeldLease();
    const { elector, events } = candidateOf('only', lease, SLOW);
    t.after(() => elector.release());
    const leads = once(events, 'leading-1', within(120_000));
    elector.start();
    lease.isOpen = true;
    if (isLate) elector.retryNow();
    lease.reads[0]?.({ type: 'read-failed' });
    await turn();
    if (!isLate) elector.retryNow();
    await leads;
  });
}

test('elector: the API server goes away → lost at the deadline; it comes back → leads again', async () => {
  const lease = new MemoryLease();
  const { elector, events, writeUntil } = candidateOf('only', lease);
  elector.start();
  await once(events, 'leading-1', within(120_000));
  lease.isDown = true;
  assert.deepEqual(await once(events, 'lost', within(120_000)), ['deadline']);
  assert.ok(monotonicMs() >= (writeUntil.at(-1) ?? Number.POSITIVE_INFINITY));
  lease.isDown = false;
  await once(events, `leading-${writeUntil.length + 1}`, within(120_000));
  await elector.release();
});
