import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { KubeObject } from './api-client.ts';
import type { Source } from './observation.ts';
import { Timeline, type VersionedChange } from './timeline.ts';

const NAME = 'agent';
const OWNER = { kind: 'DaemonSet', name: NAME, uid: 'daemonset-uid' };
const NODES = ['a', 'b', 'c'];
const START = 100;

function labels(revision: number): Readonly<Record<string, string>> {
  return { 'controller-revision-hash': `hash-${revision}` };
}

function ready(isReady: boolean): unknown {
  return { conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }] };
}

function node(name: string, isReady: boolean): unknown {
  return { metadata: { name }, status: ready(isReady) };
}

function pod(uid: string, nodeName: string, { revision = 1, isReady = true, isTerminating = false } = {}): unknown {
  const deleted = isTerminating ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {};
  return {
    metadata: { name: uid, uid, labels: labels(revision), ownerReferences: [OWNER], ...deleted },
    spec: { nodeName },
    status: ready(isReady),
  };
}

function revision(number: number): unknown {
  return { metadata: { name: `r-${number}`, labels: labels(number), ownerReferences: [OWNER] }, revision: number };
}

function daemonSet(generation: number): unknown {
  return {
    metadata: { name: NAME, uid: OWNER.uid, generation },
    spec: { selector: {}, template: { spec: {} } },
    status: { observedGeneration: generation },
  };
}

/** Each a version and a second after the one before. */
function story(steps: readonly (readonly [Source, unknown, 'gone'?])[], firstVersion: number): VersionedChange[] {
  return steps.map(([source, object, gone], index) => {
    const version = firstVersion + index;
    return { source, object: object as KubeObject, isDeleted: gone !== undefined, version, atMs: 1_000 * version };
  });
}

function begun(): Timeline {
  const timeline = new Timeline(NAME);
  const there = NODES.flatMap((name): [Source, unknown][] => [
    ['node', node(name, true)],
    ['pod', pod(`${name}-1`, name)],
  ]);
  timeline.add(story([['daemonSet', daemonSet(1)], ['revision', revision(1)], ...there], 1), 0);
  timeline.begin(0);
  return timeline;
}

/** A node is lost with its pod; a new revision goes to another node. */
const STORY = story(
  [
    ['node', node('a', false)],
    ['pod', pod('a-1', 'a', { isReady: false })],
    ['revision', revision(2)],
    ['daemonSet', daemonSet(2)],
    ['pod', pod('b-1', 'b', { isTerminating: true })],
    ['pod', pod('b-1', 'b', { isTerminating: true }), 'gone'],
    ['pod', pod('b-2', 'b', { revision: 2, isReady: false })],
    ['pod', pod('b-2', 'b', { revision: 2 })],
    ['pod', pod('c-1', 'c', { isTerminating: true })],
    ['pod', pod('c-1', 'c', { isTerminating: true }), 'gone'],
    ['pod', pod('c-2', 'c', { revision: 2 })],
    ['node', node('a', true)],
  ],
  START,
);
const END_MS = 1_000 * (START + STORY.length);

function without({ completedAfterMs: _, unavailablePodSeconds: __, ...rest }: Timeline['observation']['report']) {
  return rest;
}

test('timeline: each watch as late as it likes → once all is there, the same report', () => {
  const inOrder = begun();
  inOrder.add(STORY, END_MS);
  const expected = without(inOrder.observation.report);
  assert.deepEqual(
    [expected.unavailablePeak, expected.deletedPods, expected.deletedCurrentPods, expected.updatedNodes],
    [1, 2, 0, 2],
  );
  const sources: readonly Source[] = ['node', 'pod', 'revision', 'daemonSet'];
  const order = fc.shuffledSubarray(
    STORY.map(({ source }) => source),
    { minLength: STORY.length, maxLength: STORY.length },
  );
  fc.assert(
    fc.property(order, fc.infiniteStream(fc.integer({ min: 1, max: 4 })), (arrivals, sizes) => {
      const streams = new Map(sources.map((source) => [source, STORY.filter((change) => change.source === source)]));
      const arrived = arrivals.flatMap((source) => streams.get(source)?.shift() ?? []);
      const timeline = begun();
      while (arrived.length > 0) timeline.add(arrived.splice(0, sizes.next().value), END_MS);
      assert.deepEqual(without(timeline.observation.report), expected);
    }),
  );
});

test('timeline: begun anew after a late change → what was before is not counted again', () => {
  const timeline = begun();
  timeline.add(STORY.slice(1), END_MS);
  timeline.add(STORY.slice(0, 1), END_MS);
  timeline.begin(END_MS);
  const [gone, back] = story(
    [
      ['node', node('b', false)],
      ['node', node('b', true)],
    ],
    500,
  );
  assert.ok(gone !== undefined && back !== undefined);
  timeline.add([back], END_MS);
  timeline.add([gone], END_MS);
  const { deletedPods, eligibleNodes, unavailablePeak } = timeline.observation.report;
  assert.deepEqual(
    { deletedPods, eligibleNodes, unavailablePeak },
    { deletedPods: 0, eligibleNodes: 3, unavailablePeak: 1 },
  );
});
