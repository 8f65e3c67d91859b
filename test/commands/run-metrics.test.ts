import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WORKERS_PATH } from '../../src/server/admin-routes.ts';
import { ADMIN_HEADER } from '../../src/server/loopback-guard.ts';
import { assertClean, Cli, eventually, kubeconfig, rolledOut, simulator } from '../integration/support.ts';

const NODES = 120;
const LOOPBACK = ['--metrics-bind-address', '127.0.0.1:0', '--health-probe-bind-address', '127.0.0.1:0'];

/** Series of this program by name and labels, without the common prefix. */
async function scrape(cli: Cli): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`${await cli.address('metrics')}/metrics`)).text();
  const lines = text.match(/^daemonpodupdater_.*$/gm) ?? [];
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice('daemonpodupdater_'.length, at), Number(line.slice(at + 1))];
    }),
  );
}

/** Over all labels. */
function sumOf(series: ReadonlyMap<string, number>, name: string): number {
  return [...series].reduce((sum, [key, value]) => (key.startsWith(`${name}{`) ? sum + value : sum), 0);
}

function assertNeverBack(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): void {
  for (const [key, value] of before) {
    if (/_(?:total|count|sum|bucket)(?:\{|$)/.test(key)) assert.ok((after.get(key) ?? -1) >= value, `${key} went back`);
  }
}

test('run: threads come and go during a rollout → every task counts in its lane, no total goes back, and the reason is told', async (context) => {
  const cluster = await simulator(context, {
    scenario: { nodes: NODES, startupMs: 1_000, maxUnavailable: '20' },
    latencyMs: 5,
  });
  const args = ['run', '--kubeconfig', await kubeconfig(context, cluster.url), '--leader-elect=false', ...LOOPBACK];
  const cli = new Cli(context, [...args, '--workers', '3']);
  const health = await cli.address('health');
  await eventually(`it is ready: ${cli.output}`, async () => (await fetch(`${health}/readyz`)).ok);
  const before = await scrape(cli);
  await cluster.control.startRollout();
  let last = before;
  for (const [index, workers] of [1, 3, 2].entries()) {
    assert.ok(await cluster.waitFor({ condition: 'writes', count: (index + 1) * (NODES / 4) }, 30_000));
    const init = { method: 'PUT', headers: { [ADMIN_HEADER]: '1' } };
    assert.equal((await fetch(`${health}${WORKERS_PATH}?value=${workers}`, init)).status, 200);
    await eventually(`${workers} threads`, async () => {
      const series = await scrape(cli);
      assertNeverBack(last, series);
      last = series;
      return series.get('lanes_actual') === workers && sumOf(series, 'lane_resizes_total') === index + 1;
    });
  }
  assertClean(await rolledOut(cluster));
  await eventually('every task has ended', async () => {
    last = await scrape(cli);
    return last.get('rollout_updated{namespace="default",daemonset="agent"}') === NODES;
  });

  assert.equal(before.get('lanes_wanted'), 3);
  assert.equal(sumOf(before, 'lane_tasks_total'), 0);
  const tasks = sumOf(last, 'tasks_total');
  assert.ok(tasks >= NODES);
  for (const name of ['lane_tasks_total', 'lane_task_duration_seconds_count', 'lane_queue_wait_seconds_count']) {
    assert.equal(sumOf(last, name), tasks, name);
  }
  for (const lane of [0, 1, 2]) {
    assert.ok((last.get(`lane_tasks_total{lane="${lane}"}`) ?? 0) > 0, `lane ${lane}`);
    assert.equal(last.get(`lane_restarts_total{lane="${lane}"}`), 0);
  }
  assert.ok((last.get('lane_cpu_seconds_total{lane="2"}') ?? 0) > 0, 'the thread is gone, what it took is not');
  assert.equal(last.get('lane_event_loop_utilization{lane="2"}'), 0);
  assert.equal(last.get('lane_heap_bytes{lane="2"}'), 0);
  assert.equal(last.get('lanes_wanted'), 2);
  assert.equal(last.get('lanes_reason{reason="set"}'), 1);
  assert.equal(sumOf(last, 'lanes_reason'), 1, 'one reason at a time');
  assert.equal(last.get('lane_decisions_total{reason="set"}'), 4);
  assert.equal(last.get('lane_resizes_total{reason="set"}'), 3);
  cli.signal('SIGTERM');
  assert.equal(await cli.ended, 0, cli.output);
});
