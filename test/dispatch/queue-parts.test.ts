import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { backoffMs } from '../../src/dispatch/backoff.ts';
import { Delays } from '../../src/dispatch/delays.ts';
import { FairOrder } from '../../src/dispatch/fair-order.ts';
import { laneOfSlot } from '../../src/dispatch/lane-router.ts';
import { MinHeap } from '../../src/dispatch/min-heap.ts';
import { died, firstStart, isUnhealthy } from '../../src/dispatch/restarts.ts';
import { createEntry, type SlotEntry, SlotList } from '../../src/dispatch/slot-entry.ts';
import { isStuck } from '../../src/dispatch/watchdog.ts';
import { TokenBucket } from '../../src/protocol/token-bucket.ts';
import { slotOf } from './support/slots.ts';

test('slot list: any pushes, shifts and deletes → behaves like an array', () => {
  const entries = Array.from({ length: 10 }, (_, i) => createEntry(slotOf('ds', i), 0));
  const step = fc.record({ do: fc.constantFrom('push', 'push', 'shift', 'delete'), item: fc.nat({ max: 9 }) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
      const list = new SlotList();
      let array: SlotEntry[] = [];
      for (const { do: what, item } of steps) {
        const entry = entries[item] as SlotEntry;
        if (what === 'push' && !array.includes(entry)) {
          list.push(entry);
          array.push(entry);
        } else if (what === 'shift') {
          assert.equal(list.shift(), array.shift());
        } else if (what === 'delete') {
          assert.equal(list.delete(entry), array.includes(entry));
          array = array.filter((other) => other !== entry);
        }
        assert.deepEqual([...list.values()], array);
        assert.equal(list.size, array.length);
      }
      for (const entry of array) list.delete(entry);
    }),
  );
});

test('min-heap: any items → come out sorted', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), (items) => {
      const heap = new MinHeap<number>((a, b) => a < b);
      for (const item of items) heap.push(item);
      const out = items.map(() => heap.pop());
      assert.deepEqual(
        out,
        items.toSorted((a, b) => a - b),
      );
      assert.equal(heap.pop(), undefined);
    }),
  );
});

test('delays: a time that is set again → only the last one counts, and nothing piles up', () => {
  const delays = new Delays();
  const [a, b] = [slotOf('ds', 'a'), slotOf('ds', 'b')];
  for (let i = 0; i < 10_000; i++) delays.set(a, 1000 - (i % 7));
  delays.set(a, 50);
  delays.set(b, 40);
  delays.set(b, 60);
  assert.equal(delays.size, 2);
  assert.equal(delays.nextAtMs(), 50);
  assert.equal(delays.shiftReady(49), undefined);
  assert.equal(delays.shiftReady(50), a);
  assert.equal(delays.nextAtMs(), 60);
  assert.equal(delays.shiftReady(60), b);
  assert.equal(delays.nextAtMs(), undefined);
  assert.equal(delays.shiftReady(1e9), undefined);
});

function push(order: FairOrder, daemonSet: string, node: number): void {
  order.push(createEntry(slotOf(daemonSet, node), 0));
}

test('fair order: a large DaemonSet and a small one → the small one is served every second time', () => {
  const order = new FairOrder();
  for (let i = 0; i < 10_000; i++) push(order, 'large', i);
  for (let i = 0; i < 10; i++) push(order, 'small', i);
  const first20 = Array.from({ length: 20 }, () => order.shift());
  assert.equal(first20.filter((entry) => entry?.daemonSet === 'shop/small').length, 10);
});

test('fair order: any load → the k-th slot of one of D DaemonSets is served within D × k', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }), (sizes) => {
      const order = new FairOrder();
      for (const [ds, size] of sizes.entries()) for (let i = 0; i < size; i++) push(order, `ds-${ds}`, i);
      const total = order.size;
      for (let served = 1; served <= total; served++) {
        const slot = order.shift()?.slot ?? '';
        const k = Number(slot.slice(slot.lastIndexOf('-') + 1)) + 1;
        assert.ok(served <= sizes.length * k, `${slot} was served ${served}th`);
      }
      assert.equal(order.shift(), undefined);
      assert.equal(order.daemonSetCount, 0);
    }),
  );
});

test('fair order: somebody who comes again and again → does not get ahead of those who wait', () => {
  const order = new FairOrder();
  for (const daemonSet of ['a', 'b', 'c']) push(order, daemonSet, 0);
  const served: string[] = [];
  for (let i = 0; i < 6; i++) {
    const daemonSet = order.shift()?.daemonSet.slice(-1) ?? '';
    served.push(daemonSet);
    push(order, daemonSet, i + 1);
    push(order, 'a', i + 100);
  }
  assert.deepEqual(served, ['a', 'b', 'c', 'a', 'b', 'c']);
});

test('lane router: 10,000 slots → spread evenly over any number of lanes', () => {
  for (const lanes of [2, 3, 8, 64]) {
    const counts = new Array<number>(lanes).fill(0);
    for (let i = 0; i < 10_000; i++)
      counts[laneOfSlot(slotOf('ds', i), lanes)] = (counts[laneOfSlot(slotOf('ds', i), lanes)] ?? 0) + 1;
    const fair = 10_000 / lanes;
    // Six standard deviations of a fair draw.
    for (const count of counts) assert.ok(Math.abs(count - fair) < 6 * Math.sqrt(fair), `${counts}`);
  }
});

test('lane router: one lane more → slots move to the new lane only, and no more of them than its share', () => {
  for (const lanes of [1, 2, 7, 63]) {
    let moved = 0;
    for (let i = 0; i < 10_000; i++) {
      const slot = slotOf('ds', i);
      const after = laneOfSlot(slot, lanes + 1);
      if (after === laneOfSlot(slot, lanes)) continue;
      assert.equal(after, lanes);
      moved += 1;
    }
    const fair = 10_000 / (lanes + 1);
    assert.ok(Math.abs(moved - fair) < 6 * Math.sqrt(fair), `${moved} of 10,000 moved`);
  }
});

test('backoff: failures in a row → the table in its comment', () => {
  const delays = Array.from({ length: 16 }, (_, failures) => backoffMs({ failures, atLeastMs: 0, random: 0 }));
  assert.deepEqual(
    delays,
    [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 10_240, 20_480, 40_960, 60_000, 60_000],
  );
  assert.equal(backoffMs({ failures: 1e9, atLeastMs: 0, random: 0 }), 60_000);
  assert.equal(backoffMs({ failures: 0, atLeastMs: 7000, random: 0 }), 7000);
  assert.ok(backoffMs({ failures: 0, atLeastMs: 7000, random: 0.99 }) > 7000);
  assert.ok(backoffMs({ failures: 0, atLeastMs: 7000, random: 0.99 }) < 10_500);
});

test('token bucket: over time → starts full, refills at its rate, saves up a burst at most', () => {
  const bucket = new TokenBucket(10, 5);
  assert.equal(bucket.available(1000), 5);
  bucket.take(5, 1000);
  assert.equal(bucket.available(1000), 0);
  assert.equal(bucket.nextAtMs(1000), 1100);
  assert.equal(bucket.available(1099), 0);
  assert.equal(bucket.available(1100), 1);
  assert.equal(bucket.available(900), 1, 'time that runs backwards is no time');
  assert.equal(bucket.available(1e9), 5);
  assert.throws(() => bucket.take(6, 1e9));
});

for (const [qps, burst] of [
  [0, 0],
  [0, 1000],
  [500, 0],
] as const) {
  test(`token bucket: a rate of ${qps} and a burst of ${burst} → no limit`, () => {
    const bucket = new TokenBucket(qps, burst);
    bucket.take(1e6, 0);
    assert.equal(bucket.available(0), Number.POSITIVE_INFINITY);
    assert.equal(bucket.nextAtMs(7), 7);
  });
}

const silences = [
  { name: 'busy and past the deadline', looks: 10, utilization: 1, isStuck: true },
  { name: 'busy before the deadline', looks: 9, utilization: 1, isStuck: false },
  { name: 'its event loop turns', looks: 10, utilization: 0.5, isStuck: false },
  { name: 'cut off for four times as long', looks: 40, utilization: 0, isStuck: true },
];
for (const { name, looks, utilization, isStuck: expected } of silences) {
  test(`watchdog: ${name} → ${expected ? 'stuck' : 'waits'}`, () => {
    assert.equal(isStuck({ looks, intervalMs: 1000, deadlineMs: 10_000, utilization }), expected);
  });
}

test('restarts: deaths in a row → later and later, then unhealthy; a stable life starts over', () => {
  let restarts = firstStart(0);
  const delays: number[] = [];
  let nowMs = 0;
  for (let i = 0; i < 9; i++) {
    nowMs += 1000;
    assert.equal(isUnhealthy(restarts, nowMs), i >= 5);
    const death = died(restarts, nowMs);
    restarts = death.restarts;
    delays.push(death.delayMs);
    nowMs += death.delayMs;
  }
  assert.deepEqual(delays, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
  assert.equal(isUnhealthy(restarts, nowMs + 59_999), true);
  assert.equal(isUnhealthy(restarts, nowMs + 60_000), false);
  const again = died(restarts, nowMs + 60_000);
  assert.equal(again.delayMs, 100);
  assert.equal(again.restarts.deaths, 10);
});
