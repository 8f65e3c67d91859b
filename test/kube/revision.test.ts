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

test('trust 7: current pod: by hash; by template generation when it is ahead of the DaemonSet, or without a hash; never when adopted', () => {
  // The DaemonSet was created at 100.
  const rows = [
    { name: 'hash', hash: 'new', generation: undefined, target: '3', at: 900, expected: true },
    { name: 'generation', hash: undefined, generation: '3', target: '3', at: 900, expected: true },
    { name: 'old generation', hash: undefined, generation: '2', target: '3', at: 900, expected: false },
    { name: 'neither', hash: undefined, generation: undefined, target: undefined, at: 900, expected: false },
    { name: 'old revision', hash: 'old', generation: '2', target: '3', at: 400, expected: false },
    { name: 'old revision, same generation', hash: 'old', generation: '3', target: '3', at: 900, expected: false },
    { name: 'unknown revision, earlier', hash: 'lost', generation: '2', target: '3', at: 900, expected: false },
    { name: 'unknown revision, same generation', hash: 'lost', generation: '3', target: '3', at: 900, expected: false },
    { name: 'DaemonSet not read yet', hash: 'newer', generation: '4', target: '3', at: 900, expected: true },
    { name: 'rollback not read yet', hash: 'old', generation: '4', target: '3', at: 900, expected: true },
    { name: 'in numbers', hash: 'newer', generation: '10', target: '9', at: 900, expected: true },
    { name: 'adopted, of the same second', hash: 'newer', generation: '4', target: '3', at: 100, expected: false },
    { name: 'adopted, later generation', hash: 'old', generation: '7', target: '3', at: 50, expected: false },
    { name: 'adopted, same generation', hash: 'lost', generation: '1', target: '1', at: 50, expected: false },
    { name: 'adopted, no hash', hash: undefined, generation: '1', target: '1', at: 50, expected: false },
    { name: 'adopted, of this revision', hash: 'new', generation: '7', target: '1', at: 50, expected: true },
    { name: 'generation unknown', hash: 'newer', generation: '3', target: undefined, at: 900, expected: false },
    { name: 'generation that is none', hash: 'newer', generation: 'x', target: '3', at: 900, expected: false },
  ] as const;
  for (const { name, hash, generation, target: templateGeneration, at, expected } of rows) {
    const record = pod('n', '', { uid: 'u', revisionHash: hash, templateGeneration: generation, createdAtMs: at });
    const target = { hash: 'new', templateGeneration, createdAtMs: 500, daemonSetCreatedAtMs: 100 };
    assert.equal(isCurrent(record, target), expected, name);
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
