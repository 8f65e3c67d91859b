import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PaceNotices } from '../../src/controller/pace-notices.ts';
import type { PaceStatus } from '../../src/rollout/pace.ts';
import { budget, KEY, syncedRollout, T0 } from '../rollout/records.ts';
import { optedIn, World } from './world.ts';

function paced(phase: PaceStatus['phase'], { inFlight = 5, targetHash = 'new' } = {}) {
  const counts = { ...syncedRollout({}).counts(), targetHash, allowed: 20 };
  const pace = { phase, window: 7, reason: 'because', ratePerSecond: 1.234, undisturbedMs: undefined };
  return { key: KEY, rollout: { replacementsInFlight: inFlight, counts: () => counts, pace: () => pace } };
}

test('pace notices: it opens, holds, stalls and holds again → a line each, with window, rate and why', () => {
  const notices = new PaceNotices();
  const lines = (['starting', 'steady', 'steady', 'stalled', 'steady'] as const).map((phase, index) => {
    return notices.next(paced(phase), T0 + index * 30_000)?.pace;
  });
  assert.deepEqual(lines, ['starting', 'steady', undefined, 'stalled', 'steady']);
  assert.deepEqual(notices.next(paced('max'), T0 + 300_000), {
    daemonSet: KEY,
    pace: 'max',
    atOnce: 7,
    allowed: 20,
    replacedPerSecond: 1.2,
    detail: 'because',
  });
});

test('pace notices: it changes at every event → a line in 30 s, and what holds then is said', () => {
  const notices = new PaceNotices();
  const said: [afterMs: number, phase: unknown][] = [];
  for (let afterMs = 0; afterMs <= 61_000; afterMs += 10) {
    const phase = afterMs > 29_000 ? 'stalled' : afterMs % 20 === 0 ? 'starting' : 'steady';
    const line = notices.next(paced(phase), T0 + afterMs);
    if (line !== undefined) said.push([afterMs, line.pace]);
  }
  assert.deepEqual(said, [
    [0, 'starting'],
    [30_000, 'stalled'],
  ]);
});

test('pace notices: nothing in flight for a moment → not said, nor the same again; another revision → said', () => {
  const notices = new PaceNotices();
  assert.equal(notices.next(paced('starting', { inFlight: 0 }), T0), undefined, 'under OTA too');
  assert.equal(notices.next(paced('idle'), T0), undefined);
  assert.equal(notices.next(paced('steady'), T0)?.pace, 'steady');
  assert.equal(notices.next(paced('idle'), T0 + 40_000), undefined);
  assert.equal(notices.next(paced('steady'), T0 + 50_000), undefined);
  assert.equal(notices.next(paced('steady', { targetHash: 'newer' }), T0 + 60_000)?.pace, 'steady');
  notices.forget(KEY);
  assert.equal(notices.next(paced('steady', { targetHash: 'newer' }), T0 + 60_001)?.pace, 'steady');
});

test('pace notices: 100 DaemonSets are rolled out → a line each', () => {
  const world = new World(3);
  world.lead();
  for (let index = 0; index < 100; index += 1) world.add(optedIn(`agent-${index}`, '1'));
  world.finish();
  const lines = world.ports.logs.filter(({ message }) => message === 'pace changed');
  assert.equal(new Set(lines.map(({ fields }) => fields.daemonSet)).size, 100);
  assert.ok(lines.length === 100 && lines.every(({ level }) => level === 'info'), `${lines.length}`);
});

test('pace notices: somebody else leads now → it is his pace, and nothing is said here', () => {
  const world = new World(3);
  world.lead();
  const record = optedIn('agent', '1', { annotations: budget('1', { 'daemonpodupdater.io/pace': 'max' }) });
  world.add(record);
  world.answer(world.pump()[0] ?? assert.fail(), 'done');
  const lines = () => world.ports.logs.filter(({ message }) => message === 'pace changed').length;
  assert.equal(lines(), 1);
  world.standBy();
  world.supersede(record, 'newer');
  world.pump(40_000);
  assert.equal(lines(), 1);
});
