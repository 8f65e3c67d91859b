import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isEqualJson } from '../../src/simulator/fields.ts';
import type { SimObject } from '../../src/simulator/objects.ts';
import { mergePatch, strategicMerge } from '../../src/simulator/patch.ts';
import { ReverseWriter } from '../../src/simulator/protobuf-writer.ts';
import { createRandom, shuffled } from '../../src/simulator/random.ts';
import { routeOf } from '../../src/simulator/resources.ts';
import { parseFieldSelector, parseLabelSelector } from '../../src/simulator/selector.ts';
import { formatTime, parseTime } from '../../src/simulator/time.ts';
import { Timeline } from '../../src/simulator/timeline.ts';
import { readFields } from '../conformance/wire-format.ts';

test('random: the same seed → the same numbers; another seed → others; all in [0, 1) and spread', () => {
  const draw = (seed: number): number[] => {
    const random = createRandom(seed);
    return Array.from({ length: 1000 }, () => random());
  };
  assert.deepEqual(draw(5), draw(5));
  assert.notDeepEqual(draw(5), draw(6));
  const numbers = draw(5);
  assert.ok(numbers.every((number) => number >= 0 && number < 1));
  const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  assert.ok(Math.abs(mean - 0.5) < 0.05, String(mean));
  assert.deepEqual(shuffled(createRandom(1), [1, 2, 3, 4]).sort(), [1, 2, 3, 4]);
});

test('timeline: plans in any order → run in order of time, then of planning; a cancelled one never', () => {
  const delays = fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 60 });
  fc.assert(
    fc.property(delays, fc.nat(), (list, cancelled) => {
      const timeline = new Timeline(0);
      const ran: [number, number][] = [];
      const plans = list.map((delay, index) => timeline.after(delay, () => ran.push([delay, index])));
      const victim = list.length === 0 ? -1 : cancelled % list.length;
      timeline.cancel(plans[victim]);
      timeline.advanceTo(100);
      const expected = list
        .map((delay, index): [number, number] => [delay, index])
        .filter(([, index]) => index !== victim)
        .sort((left, right) => left[0] - right[0] || left[1] - right[1]);
      assert.deepEqual(ran, expected);
      assert.equal(timeline.nowMs, 100);
      assert.equal(timeline.nextMs(), undefined);
    }),
  );
});

test('timeline: something planned from within → happens in the same advance when it is due', () => {
  const timeline = new Timeline(0);
  const times: number[] = [];
  timeline.at(10, () => timeline.after(5, () => times.push(timeline.nowMs)));
  timeline.advanceTo(14);
  assert.deepEqual(times, []);
  assert.equal(timeline.nextMs(), 15);
  timeline.advanceTo(20);
  assert.deepEqual(times, [15]);
});

test('time: any millisecond of four thousand years → written and read as Date does it', () => {
  const range = { min: -62_135_596_800_000, max: 64_060_588_800_000 };
  fc.assert(
    fc.property(fc.integer(range), (timeMs) => {
      const iso = new Date(timeMs).toISOString();
      const seconds = Math.floor(timeMs / 1000);
      assert.equal(formatTime(timeMs), `${iso.slice(0, 19)}Z`);
      assert.deepEqual(parseTime(iso), { seconds, nanos: (timeMs - seconds * 1000) * 1_000_000 });
    }),
  );
  assert.equal(parseTime('2026-01-02T03:04:05+02:00')?.seconds, Date.parse('2026-01-02T03:04:05+02:00') / 1000);
  assert.equal(parseTime('yesterday'), undefined);
});

test('selectors: label selectors → the rows that match', () => {
  const object = { metadata: { name: 'a', namespace: 'n', labels: { app: 'x', tier: 'web' } } } as unknown as SimObject;
  const rows: [string, boolean | undefined][] = [
    ['', true],
    ['app=x', true],
    ['app==x,tier=web', true],
    ['app!=x', false],
    ['missing!=x', true],
    ['app in (x, y)', true],
    ['app notin (x),tier', false],
    ['!app', false],
    ['!missing', true],
    ['app=', false],
    ['a==b==c', undefined],
    ['in (', undefined],
  ];
  for (const [text, expected] of rows) assert.equal(parseLabelSelector(text)?.(object), expected, text);
  assert.equal(parseFieldSelector('metadata.name=a', ['metadata.name'])?.(object), true);
  assert.equal(parseFieldSelector('metadata.name!=a', ['metadata.name'])?.(object), false);
  assert.equal(parseFieldSelector('spec.nodeName=', ['spec.nodeName'])?.(object), true);
  assert.equal(parseFieldSelector('spec.other=a', ['spec.nodeName']), undefined);
});

test('routes: paths → resource, namespace, name and subresource, or nothing', () => {
  const rows: [string, string | undefined][] = [
    ['/api/v1/pods', 'pods///'],
    ['/api/v1/namespaces/a/pods/b/status', 'pods/a/b/status'],
    ['/api/v1/nodes/b', 'nodes//b/'],
    ['/api/v1/namespaces/a', 'namespaces//a/'],
    ['/api/v1/namespaces/a/status', 'namespaces//a/status'],
    ['/apis/apps/v1/namespaces/a/daemonsets/b', 'daemonsets/a/b/'],
    ['/apis/apps/v1/pods', undefined],
    ['/api/v1/pods/b', undefined],
    ['/api/v1/namespaces/a/nodes/b', undefined],
    ['/api/v1/namespaces/a/pods/b/unknown', undefined],
    ['/api/v1/namespaces/%ZZ/pods', undefined],
    ['/', undefined],
  ];
  for (const [path, expected] of rows) {
    const route = routeOf(path);
    const text = route && [route.resource.plural, route.namespace, route.name, route.subresource].join('/');
    assert.equal(text, expected, path);
  }
});

test('patch: strategic → lists merge by key, null removes, directives replace and delete', () => {
  const target = { status: { conditions: [{ type: 'A', status: 'True' }], phase: 'Running' }, finalizers: ['x'] };
  const frozen = structuredClone(target);
  const add = strategicMerge(target, { status: { conditions: [{ type: 'B', status: 'False' }], phase: null } });
  assert.deepEqual(add, {
    ...target,
    status: { conditions: [...target.status.conditions, { type: 'B', status: 'False' }] },
  });
  assert.deepEqual(strategicMerge(target, { finalizers: ['x', 'y'] }), { ...target, finalizers: ['x', 'y'] });
  const remove = { $deleteFromPrimitiveList: 1, '$deleteFromPrimitiveList/finalizers': ['x'] };
  assert.deepEqual(strategicMerge(target, remove), { ...target, finalizers: [] });
  const replaced = strategicMerge(target, {
    status: { conditions: [{ $patch: 'replace' }, { type: 'C', status: 'True' }] },
  });
  assert.deepEqual((replaced as typeof target).status.conditions, [{ type: 'C', status: 'True' }]);
  assert.deepEqual(strategicMerge(target, { status: { $patch: 'replace', phase: 'Failed' } }), {
    ...target,
    status: { phase: 'Failed' },
  });
  assert.deepEqual(target, frozen);
});

test('patch: merge → RFC 7386: objects merge, everything else replaces', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (target, patch) => {
      const once = mergePatch(target, patch);
      assert.ok(isEqualJson(mergePatch(once, patch), once));
    }),
  );
  assert.deepEqual(mergePatch({ a: { b: 1, c: 2 }, d: [1] }, { a: { b: null }, d: [2] }), { a: { c: 2 }, d: [2] });
});

test('protobuf writer: numbers, texts and nesting of any size → read back the same', () => {
  const numbers = fc.array(fc.nat({ max: Number.MAX_SAFE_INTEGER }), { maxLength: 5 });
  const texts = fc.array(fc.string({ maxLength: 40_000, unit: 'grapheme' }), { maxLength: 5 });
  const writer = new ReverseWriter();
  fc.assert(
    fc.property(numbers, texts, (integers, strings) => {
      for (const text of strings.toReversed()) {
        const before = writer.length;
        writer.text(text);
        writer.lengthDelimited(2, writer.length - before);
      }
      for (const integer of integers.toReversed()) {
        writer.varint(integer);
        writer.varint(8);
      }
      const fields = readFields(writer.take());
      assert.deepEqual(
        fields.filter((field) => field.number === 1).map((field) => field.value),
        integers,
      );
      assert.deepEqual(
        fields.filter((field) => field.number === 2).map((field) => field.bytes.toString()),
        strings,
      );
    }),
    { numRuns: 50 },
  );
});
