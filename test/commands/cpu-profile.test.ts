import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CpuProfile, selfTimes, threadOf } from '../../bench/support/cpu-profile.ts';

function nodeOf(id: number, functionName: string, url = '', lineNumber = 0) {
  return { id, callFrame: { functionName, url, lineNumber } };
}

test('profile: samples → time in each function itself, most first; idle time is not counted', () => {
  const profile: CpuProfile = {
    nodes: [
      nodeOf(1, '(root)'),
      nodeOf(2, '(idle)'),
      nodeOf(3, 'plan', 'file:///repo/src/rollout/plan.ts', 9),
      nodeOf(4, 'dispatch', 'file:///repo/node_modules/undici/lib/a.js', 0),
      nodeOf(5, '', 'file:///repo/src/clock.ts', 3),
      nodeOf(6, 'plan', 'file:///repo/src/rollout/plan.ts', 9),
    ],
    startTime: 0,
    endTime: 10_000,
    samples: [3, 2, 4, 6, 5, 1],
    timeDeltas: [0, 2000, 4000, 1000, 2000, 500],
  };
  assert.deepEqual(selfTimes(profile, 'file:///repo/'), {
    wallMs: 10,
    busyMs: 5.5,
    functions: [
      { name: 'plan', place: 'src/rollout/plan.ts:10', selfMs: 4, share: 4 / 5.5 },
      { name: 'dispatch', place: 'undici/lib/a.js:1', selfMs: 1, share: 1 / 5.5 },
      { name: '(anonymous)', place: 'src/clock.ts:4', selfMs: 0.5, share: 0.5 / 5.5 },
    ],
  });
});

test('profile: the code that ran → whose thread it was', () => {
  const of = (url: string): CpuProfile => {
    return { nodes: [nodeOf(1, 'f', url)], startTime: 0, endTime: 0, samples: [], timeDeltas: [] };
  };
  assert.equal(threadOf(of('file:///repo/workers/lane-host.ts')), 'lane');
  assert.equal(threadOf(of('file:///repo/src/simulator/face-thread.ts')), 'simulator');
  assert.equal(threadOf(of('file:///repo/src/main.ts')), 'main');
});
