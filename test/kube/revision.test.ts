import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAvailable } from '../../src/kube/availability.ts';
import type { PodRecord } from '../../src/kube/records.ts';
import { isCurrent, newestRevision } from '../../src/kube/revision.ts';
import { DS_UID, pod, revision } from '../rollout/records.ts';

test('newest revision: highest number, then youngest, then last name; others are not looked at', () => {
  const rows = [
    { of: [revision('a', 1), revision('b', 3), revision('c', 2)], expected: 'b' },
    { of: [revision('a', 2, { createdAtMs: 5 }), revision('b', 2, { createdAtMs: 4 })], expected: 'a' },
    { of: [revision('b', 2, { createdAtMs: 5 }), revision('a', 2, { createdAtMs: 5 })], expected: 'b' },
    { of: [revision('a', 1), revision('b', 9, { ownerUid: 'other' })], expected: 'a' },
    { of: [revision('a', 1, { ownerUid: undefined })], expected: undefined },
    { of: [], expected: undefined },
  ];
  for (const { of, expected } of rows) {
    assert.equal(newestRevision(of, DS_UID)?.hash, expected);
    assert.equal(newestRevision([...of].reverse(), DS_UID)?.hash, expected);
  }
});

test('current pod: by hash; by template generation only without a hash', () => {
  const rows = [
    { hash: 'new', generation: undefined, target: '3', expected: true },
    { hash: 'old', generation: '3', target: '3', expected: false },
    { hash: undefined, generation: '3', target: '3', expected: true },
    { hash: undefined, generation: '2', target: '3', expected: false },
    { hash: undefined, generation: undefined, target: undefined, expected: false },
  ] as const;
  for (const { hash, generation, target, expected } of rows) {
    const record = pod('n', '', { uid: 'u', revisionHash: hash, templateGeneration: generation });
    assert.equal(isCurrent(record, { hash: 'new', templateGeneration: target }), expected);
  }
});

const AVAILABILITY: readonly { name: string; change: Partial<PodRecord>; nowMs: number; expected: boolean }[] = [
  { name: 'Ready long enough', change: {}, nowMs: 1000, expected: true },
  { name: 'Ready for too short a time', change: {}, nowMs: 999, expected: false },
  { name: 'not Ready', change: { isReady: false }, nowMs: 9999, expected: false },
  { name: 'terminating', change: { isTerminating: true }, nowMs: 9999, expected: false },
  { name: 'Failed', change: { phase: 'Failed' }, nowMs: 9999, expected: false },
  { name: 'Succeeded', change: { phase: 'Succeeded' }, nowMs: 9999, expected: false },
];

for (const { name, change, nowMs, expected } of AVAILABILITY) {
  test(`available pod: ${name} → ${expected}`, () => {
    assert.equal(isAvailable(pod('n', 'h', change), 500, { minReadyMs: 500, nowMs }), expected);
  });
}
