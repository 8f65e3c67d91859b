import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LaneManager } from '../../src/manager/lane-manager.ts';
import { cpusWithin } from '../../src/manager/settings/cpu-quota.ts';
import type { Outcome } from '../../src/protocol/outcome.ts';
import { daemonSetKey, slotKey } from '../../src/protocol/slot.ts';
import { skippableClock } from '../integration/support.ts';
import { managed, untilNoted } from './managed-lanes.ts';

test('auto lanes: the cluster grows → one more for each 5,000 nodes, with the reason in log and decisions', async (context) => {
  const { manager, world, sample, logs } = managed(context, 'auto');
  await manager.start();
  assert.equal(manager.state.actual, 2);
  world.nodeCount = 12_000;
  await sample();
  assert.deepEqual(manager.state, { setting: 'auto', wanted: 4, actual: 4, reason: 'cluster' });
  assert.deepEqual(
    manager.decisions.latest.map(({ from, to, reason }) => ({ from, to, reason })),
    [
      { from: 2, to: 2, reason: 'cluster' },
      { from: 2, to: 4, reason: 'cluster' },
    ],
  );
  assert.deepEqual(logs, [
    { level: 'info', message: 'worker threads resized', fields: { from: 2, to: 4, reason: 'cluster' } },
  ]);
});

test('auto lanes: threads that take longer to start than to the next look → the resize is told with its own reason', async (context) => {
  const { manager, world, sample, notes, logs } = managed(context, 'auto');
  await manager.start();
  const { promise, resolve } = Promise.withResolvers<void>();
  world.answered = promise;
  world.nodeCount = 12_000;
  await sample();
  await sample();
  assert.equal(manager.state.reason, 'steady');
  resolve();
  await untilNoted(notes, 'resized: cluster');
  assert.deepEqual(logs.at(-1)?.fields, { from: 2, to: 4, reason: 'cluster' });
});

test('auto lanes: the rate limit or the API server holds work up → kept, and the reason is logged, counted and shown', async (context) => {
  const { manager, world, sample, logs } = managed(context, 'auto');
  await manager.start();
  world.rateLimited = 3;
  await sample();
  assert.equal(manager.state.reason, 'rate-limit');
  world.oldestWaitMs = 500;
  world.utilization = 0.1;
  await sample();
  assert.deepEqual(manager.state, { setting: 'auto', wanted: 2, actual: 2, reason: 'api-server' });
  await sample();
  assert.equal(manager.decisions.counts.get('api-server'), 2);
  assert.deepEqual(
    logs.map(({ level, fields }) => `${level} ${fields.reason}`),
    ['info rate-limit', 'info api-server'],
  );
});

const OUTCOME: Outcome = {
  slot: slotKey(daemonSetKey('shop', 'agent'), 'node-1'),
  action: 'delete',
  uid: 'u',
  code: 'done',
  httpStatus: 200,
  message: '',
  retryAfterMs: 0,
  durationMs: 1,
  isTerminating: false,
};

/** As the controller tells of tasks that ended. */
function ended(manager: LaneManager, count: number, { code = OUTCOME.code, queueWaitMs = 0 } = {}): void {
  const run = { lane: 0, queueWaitMs, workMs: 1 };
  for (let i = 0; i < count; i++) manager.taskDone({ ...OUTCOME, code }, run);
}

test('auto lanes: 2 % of the tasks are throttled → api-server, and only while they are', async (context) => {
  const { manager, sample } = managed(context, 'auto');
  await manager.start();
  ended(manager, 98);
  ended(manager, 2, { code: 'throttled' });
  await sample();
  assert.equal(manager.state.reason, 'api-server');
  ended(manager, 20);
  await sample();
  assert.equal(manager.state.reason, 'steady', 'each sample stands for itself');
});

test('auto lanes: busy, and tasks waited 30 ms on average → grown; no more gets done → taken back', async (context) => {
  const { manager, world, sample } = managed(context, 'auto');
  const skip = skippableClock(context);
  await manager.start();
  world.utilization = 0.9;
  const busy = async (tasks: number): Promise<void> => {
    skip(5_000);
    ended(manager, tasks / 2, { queueWaitMs: 0 });
    ended(manager, tasks / 2, { queueWaitMs: 60 });
    await sample();
  };
  for (let i = 0; i < 3; i++) await busy(1000);
  assert.deepEqual([manager.state.reason, manager.state.wanted], ['lanes-busy', 3]);
  for (let i = 0; i < 3; i++) await busy(1050);
  assert.deepEqual([manager.state.reason, manager.state.wanted], ['no-gain', 2]);
});

test('auto lanes: busy, and tasks waited 10 ms on average → kept, as that is the batches', async (context) => {
  const { manager, world, sample } = managed(context, 'auto');
  const skip = skippableClock(context);
  await manager.start();
  world.utilization = 0.9;
  for (let i = 0; i < 4; i++) {
    skip(5_000);
    ended(manager, 1000, { queueWaitMs: 10 });
    await sample();
  }
  assert.deepEqual([manager.state.reason, manager.state.wanted], ['steady', 2]);
});

test('auto lanes: busy, and a growth brings half as much again → kept', async (context) => {
  const { manager, world, sample } = managed(context, 'auto');
  const skip = skippableClock(context);
  await manager.start();
  world.utilization = 0.9;
  for (let i = 0; i < 6; i++) {
    skip(5_000);
    ended(manager, i < 3 ? 1000 : 1500, { queueWaitMs: 30 });
    await sample();
  }
  assert.deepEqual([manager.state.reason, manager.state.wanted], ['steady', 3]);
});

test('auto lanes: two reasons in turn → each is logged once a minute', async (context) => {
  const { manager, world, sample, logs } = managed(context, 'auto');
  await manager.start();
  for (let i = 0; i < 6; i++) {
    world.oldestWaitMs = i % 2 === 0 ? 500 : 0;
    await sample();
  }
  const loud = logs.filter(({ level }) => level === 'info');
  assert.deepEqual(
    loud.map(({ message, fields }) => `${message} ${fields.reason}`),
    ['worker threads kept api-server'],
  );
});

test('auto lanes: a number is set → load and cluster no longer change it; auto again → they do', async (context) => {
  const { manager, world, sample } = managed(context, 'auto');
  await manager.start();
  await manager.set(1);
  world.nodeCount = 12_000;
  await sample();
  assert.equal(manager.state.wanted, 1);
  await manager.set('auto');
  assert.deepEqual(manager.state, { setting: 'auto', wanted: 4, actual: 4, reason: 'cluster' });
});

const V2_FILES = { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '500000 100000\n' };
const V1_FILES = {
  '/proc/self/cgroup': '3:cpu,cpuacct:/\n',
  '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '500000\n',
  '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
};
for (const [version, before, limit] of [
  ['2', V2_FILES, { '/sys/fs/cgroup/cpu.max': '350000 100000\n' }],
  ['1', V1_FILES, { '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '350000\n' }],
] as const) {
  test(`auto lanes: the quota (version ${version}) of a running container falls from 5 CPUs to 3.5 → seen at the next look, logged, followed`, async (context) => {
    const { manager, world, sample, logs } = managed(context, 'auto');
    const files: Record<string, string> = { ...before };
    const readCpus = () => cpusWithin(8, (path) => files[path]);
    world.cpus = readCpus();
    world.nodeCount = 50_000;
    await manager.start();
    await sample();
    assert.deepEqual([manager.cpus, manager.state.actual], [5, 4]);
    Object.assign(files, limit);
    world.cpus = readCpus();
    await sample();
    assert.deepEqual([manager.cpus, manager.state.actual, manager.state.reason], [3.5, 2, 'cluster']);
    const changes = logs.filter(({ message }) => message === 'CPUs changed').map(({ fields }) => fields);
    assert.deepEqual(changes.at(-1), { from: 5, to: 3.5 });
  });
}
