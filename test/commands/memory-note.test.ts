import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeMemory, encodeMemory, MEMORY_BYTES_MAX } from '../../src/status/memory-note.ts';

test('trust 5: any memories, written and read → as they were, in their order', () => {
  const memories = fc.uniqueArray(fc.tuple(fc.string({ minLength: 1, maxLength: 60 }), fc.string({ unit: 'binary' })), {
    selector: ([uid]) => uid,
  });
  fc.assert(
    fc.property(memories, (entries) => {
      const { text, dropped } = encodeMemory(new Map(entries));
      assert.deepEqual(dropped, []);
      assert.deepEqual([...decodeMemory(text)], entries);
    }),
  );
});

test('trust 5: more than there is room for → within the bound, the ones that changed last are kept, and the others named', () => {
  const names = Array.from({ length: 10 }, (_, index) => `uid-${index}`);
  const { text, dropped } = encodeMemory(new Map(names.map((uid) => [uid, 'é"'.repeat(3_000)])));
  assert.ok(Buffer.byteLength(text) <= MEMORY_BYTES_MAX);
  const kept = [...decodeMemory(text).keys()];
  assert.ok(kept.length >= 4);
  assert.deepEqual(kept, names.slice(-kept.length));
  assert.deepEqual(dropped, names.slice(0, -kept.length).reverse());
});

test('trust 5: one that has no room by itself → it alone is left out', () => {
  const huge = new Map([
    ['before', 'a'],
    ['huge', 'x'.repeat(MEMORY_BYTES_MAX)],
    ['after', 'b'],
  ]);
  const { text, dropped } = encodeMemory(huge);
  assert.deepEqual([...decodeMemory(text).keys()], ['before', 'after']);
  assert.deepEqual(dropped, ['huge']);
});

test('trust 5: nothing to remember → nothing is written', () => {
  assert.deepEqual(encodeMemory(new Map()), { text: '', dropped: [] });
});

const good = ['uid', 'text'];
const hostile: readonly { name: string; text: string | undefined; kept: number }[] = [
  { name: 'none', text: undefined, kept: 0 },
  { name: 'empty', text: '', kept: 0 },
  { name: 'not JSON', text: '{"v":1,"daemonSets":[["uid","te', kept: 0 },
  { name: 'null', text: 'null', kept: 0 },
  { name: 'of another version', text: JSON.stringify({ v: 2, daemonSets: [good] }), kept: 0 },
  { name: 'an object instead of a list', text: JSON.stringify({ v: 1, daemonSets: { uid: 'text' } }), kept: 0 },
  {
    name: 'a list with odd entries',
    text: JSON.stringify({
      v: 1,
      daemonSets: [
        null,
        7,
        'uid',
        ['uid'],
        ['u', 1],
        [1, 'u'],
        ['', 'a'],
        ['u'.repeat(129), 'a'],
        [...good, 'x'],
        good,
      ],
    }),
    kept: 1,
  },
  { name: 'keys of prototypes', text: '{"v":1,"daemonSets":[["__proto__","a"],["constructor","b"]]}', kept: 2 },
  { name: 'too long', text: JSON.stringify({ v: 1, daemonSets: [['uid', 'x'.repeat(MEMORY_BYTES_MAX)]] }), kept: 0 },
  { name: 'deep', text: `{"v":1,"daemonSets":${'['.repeat(20_000)}${']'.repeat(20_000)}}`, kept: 0 },
];
for (const { name, text, kept } of hostile) {
  test(`trust 5: a memory that is ${name} → harmless, ${kept} of it taken`, () => {
    const memories = decodeMemory(text);
    assert.equal(memories.size, kept);
    assert.equal(Object.getPrototypeOf({}), Object.prototype);
  });
}
