import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { cpusWithin } from '../../src/commands/cpu-quota.ts';
import { initialLanes, LaneManager } from '../../src/commands/wiring/lane-manager.ts';
import type { LaneSetting } from '../../src/dispatch/lane-count.ts';
import type { LanePool } from '../../src/dispatch/lane-pool.ts';

interface World {
  nodeCount: number;
  utilization: number;
  rateLimited: number;
  oldestWaitMs: number;
  cpus: number;
}

/** A pool and a host that only take notes, on a clock that the test moves. */
function managed(context: TestContext, setting: LaneSetting, cpus = 8) {
  context.mock.timers.enable({ apis: ['setInterval'] });
  const world: World = { nodeCount: 100, utilization: 0, rateLimited: 0, oldestWaitMs: 0, cpus };
  const notes: string[] = [];
  const logs: { level: string; message: string; fields: Readonly<Record<string, unknown>> }[] = [];
  let laneCount = 0;
  const resize = async (lanes: number): Promise<void> => {
    laneCount = lanes;
    notes.push(`pool ${lanes}`);
  };
  const pool: Partial<LanePool> = {
    get laneCount() {
      return laneCount;
    },
    start: resize,
    resize,
    stats: async () =>
      Array.from({ length: laneCount }, (_, lane) => {
        return { lane, tasks: 0, inFlight: 0, utilization: world.utilization, cpuMs: 0, heapBytes: 0, restarts: 0 };
      }),
  };
  const host = {
    resize: (lanes: number) => notes.push(`host ${lanes}`),
    controller: {
      get nodeCount() {
        return world.nodeCount;
      },
      dispatcher: { stats: () => ({ rateLimited: world.rateLimited, oldestWaitMs: world.oldestWaitMs }) },
    },
  };
  const manager = new LaneManager({
    pool: pool as LanePool,
    host: host as never,
    setting,
    lanes: initialLanes(setting, cpus),
    cpus: () => world.cpus,
    log: (level, message, fields) => logs.push({ level, message, fields }),
    onResize: ({ reason }) => notes.push(`resized: ${reason}`),
    pause: async (durationMs) => void notes.push(`pause ${durationMs}`),
  });
  const sample = async (): Promise<void> => {
    context.mock.timers.tick(5_000);
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  return { world, notes, logs, manager, sample };
}

test('lanes: grow, then shrink → one thread after the other and each before its work, dispatcher first when shrinking', async (context) => {
  const { manager, notes } = managed(context, 2);
  await manager.start();
  await manager.set(4);
  await manager.set(1);
  const grown = ['pool 3', 'host 3', 'pause 125', 'pool 4', 'host 4', 'resized: set'];
  assert.deepEqual(notes, ['pool 2', ...grown, 'host 1', 'pool 1', 'resized: set']);
  assert.deepEqual(manager.state, { setting: 1, wanted: 1, actual: 1, reason: 'set' });
});

test('lanes: the same number again → nothing is resized or logged', async (context) => {
  const { manager, notes, logs } = managed(context, 2);
  await manager.start();
  await manager.set(2);
  assert.deepEqual(notes, ['pool 2']);
  assert.deepEqual(logs, []);
});

test('lanes: several numbers at once → the last one holds', async (context) => {
  const { manager } = managed(context, 2);
  await manager.start();
  await Promise.all([manager.set(8), manager.set(3), manager.set(5)]);
  assert.equal(manager.state.actual, 5);
});

test('lanes: more than CPUs → one warning, as long as it is so', async (context) => {
  const { manager, logs } = managed(context, 9, 8);
  await manager.start();
  await manager.set(10);
  const warnings = logs.filter(({ level }) => level === 'warn');
  assert.deepEqual(warnings, [
    { level: 'warn', message: 'more worker threads than CPUs', fields: { workers: 9, cpus: 8 } },
  ]);
});

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

test('lanes: a number that was set, and the CPUs become fewer → kept, with one warning', async (context) => {
  const { manager, world, sample, logs } = managed(context, 4);
  await manager.start();
  world.cpus = 2;
  await sample();
  world.cpus = 1;
  await sample();
  assert.equal(manager.state.actual, 4);
  const warnings = logs.filter(({ level }) => level === 'warn').map(({ fields }) => fields);
  assert.deepEqual(warnings, [{ workers: 4, cpus: 2 }]);
});

test('lanes: stopped → no sample resizes any more', async (context) => {
  const { manager, world, sample, notes } = managed(context, 'auto');
  await manager.start();
  manager.stop();
  world.nodeCount = 50_000;
  await sample();
  await manager.set(7);
  assert.deepEqual(notes, ['pool 2']);
});
