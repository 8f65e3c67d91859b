import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KubernetesLeaseApi } from '../../src/election/lease-api.ts';
import { NOTE_EVERY_MS, NOTE_LOOK_MS } from '../../src/manager/note-keeper.ts';
import { encodeNote, type NotedReport } from '../../src/status/leader-note.ts';
import { leaderOn, pass, Server, START_MS } from './note-server.ts';

const MINUTE_MS = 60_000;

const IDLE_PACE = { phase: 'idle', window: 20, reason: 'nothing to do', ratePerSecond: 0 };
const IDLE: NotedReport = {
  identity: 'node-a_1',
  workers: { setting: 'auto', source: 'default', wanted: 4, actual: 4, reason: 'steady', cpus: 2, decisions: [] },
  lanes: [0, 1, 2, 3].map((lane) => ({ lane, tasks: 12_345, queued: 0, utilization: 0.001 })),
  rollouts: Array.from({ length: 30 }, (_, index) => ({
    daemonSet: `edge/agent-with-a-name-${index}`,
    strategy: 'AdvancedRollingUpdate',
    allowed: 200,
    inFlight: 0,
    waiting: 0,
    pace: IDLE_PACE,
  })),
};

/** As an idle leader has it at that time: loads flicker, and a reason holds an age. */
function idleNote(nowMs: number): string {
  const blocked = `nodes: nothing was heard for ${Math.round((nowMs - START_MS) / 1000)} s`;
  const [first, ...others] = IDLE.rollouts;
  assert.ok(first !== undefined);
  return encodeNote({
    ...IDLE,
    lanes: IDLE.lanes.map((lane) => ({ ...lane, utilization: 0.001 + (nowMs % 7) / 1000 })),
    rollouts: [{ ...first, blocked, pace: { ...IDLE_PACE, undisturbedMs: nowMs % 1000 } }, ...others],
  });
}

function busyNote(nowMs: number): string {
  const done = Math.round((nowMs - START_MS) / 16);
  const reason = `${40 + (done % 9)} of 200: 61 pods/s come back, 0.50 s each`;
  return encodeNote({
    ...IDLE,
    lanes: IDLE.lanes.map((lane) => ({ ...lane, tasks: lane.tasks + done, queued: done % 5, utilization: 0.3 })),
    rollouts: IDLE.rollouts.map((rollout) => ({
      ...rollout,
      inFlight: 40,
      waiting: 500,
      pace: { phase: 'steady', window: 40 + (done % 9), reason, ratePerSecond: 60 + (done % 3), undisturbedMs: 420 },
    })),
  });
}

/** A minute of a leader that renews every two seconds, after it has begun. */
async function minuteOf(note: (nowMs: number) => string) {
  const server = new Server();
  const leader = leaderOn(server);
  leader.status = () => note(server.nowMs);
  const lease = new KubernetesLeaseApi({
    request: server.request,
    namespace: 'default',
    name: 'updater',
    onProblem: (message) => assert.fail(message),
    onReached: () => {},
  });
  const record = () => ({
    holderIdentity: 'node-a_1',
    leaseDurationSeconds: 15,
    acquireTimeMs: START_MS,
    renewTimeMs: server.nowMs,
    leaseTransitions: 0,
  });
  let renewed = await lease.create(record(), 5_000);
  await leader.keeper.takeOver();
  await pass(server, leader, 3 * NOTE_EVERY_MS);
  server.writes.length = 0;
  for (let ms = 0; ms < MINUTE_MS; ms += NOTE_LOOK_MS) {
    assert.ok(renewed.type === 'written');
    await pass(server, leader, NOTE_LOOK_MS);
    renewed = await lease.update(record(), renewed.resourceVersion, 5_000);
  }
  const renewals = server.writes.filter(({ path }) => path.includes('/leases'));
  const notes = server.writes.filter(({ path }) => path.includes('/configmaps'));
  const bytes = server.writes.reduce((sum, { storedBytes }) => sum + storedBytes, 0);
  return { renewals, notes, bytes, noteBytes: Buffer.byteLength(note(server.nowMs)) };
}

test('trust 21: an idle leader for a minute → the lease is renewed with 1 KB at most, and what it tells is not written at all', async (t) => {
  const { renewals, notes, bytes, noteBytes } = await minuteOf(idleNote);
  t.diagnostic(`${bytes} bytes a minute; with the note in each renewal ${bytes + renewals.length * noteBytes}`);
  assert.ok(noteBytes > 4_000, `${noteBytes}: it would be felt`);
  assert.deepEqual([renewals.length, notes.length], [30, 0]);
  for (const { storedBytes } of renewals) assert.ok(storedBytes < 1_000, `${storedBytes}`);
});

test('trust 21: a leader in the middle of rollouts → what it tells is written every ten seconds, and never in a renewal', async (t) => {
  const { renewals, notes, bytes, noteBytes } = await minuteOf(busyNote);
  t.diagnostic(
    `${bytes} bytes a minute; with the note in each renewal ${bytes + (renewals.length - notes.length) * noteBytes}`,
  );
  assert.equal(notes.length, MINUTE_MS / NOTE_EVERY_MS);
  for (const [index, { atMs }] of notes.entries()) {
    const before = notes[index - 1];
    assert.ok(before === undefined || atMs - before.atMs >= NOTE_EVERY_MS);
  }
  for (const { storedBytes } of renewals) assert.ok(storedBytes < 1_000, `${storedBytes}`);
});
