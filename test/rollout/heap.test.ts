import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Heap } from '../../src/rollout/heap.ts';

interface Item {
  rank: number;
  place: number;
}

test('heap: any puts, moves and removals → the least first, nothing lost, nothing stale', () => {
  const step = fc.record({ index: fc.nat({ max: 19 }), rank: fc.nat({ max: 50 }), isRemoval: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
      const items: Item[] = Array.from({ length: 20 }, () => ({ rank: 0, place: -1 }));
      const inside = new Set<Item>();
      const heap = new Heap<Item>({
        isBefore: (left, right) => left.rank < right.rank,
        placeOf: ({ place }) => place,
        setPlace: (item, place) => {
          item.place = place;
        },
      });
      for (const { index, rank, isRemoval } of steps) {
        const item = items[index];
        assert.ok(item);
        if (isRemoval) {
          heap.remove(item);
          inside.delete(item);
        } else {
          item.rank = rank;
          heap.put(item);
          inside.add(item);
        }
        assert.equal(heap.size, inside.size);
        assert.equal(heap.has(item), !isRemoval);
      }
      const drained: number[] = [];
      for (let least = heap.peek(); least !== undefined; least = heap.peek()) {
        drained.push(least.rank);
        heap.remove(least);
      }
      assert.deepEqual(
        drained,
        [...inside].map(({ rank }) => rank).sort((a, b) => a - b),
      );
    }),
  );
});
