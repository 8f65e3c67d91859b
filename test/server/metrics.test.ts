import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DispatchStats } from '../../src/dispatch/dispatch-stats.ts';
import { counters, gauges, histograms, ROLLOUT_FIGURES, type RolloutFigure } from '../../src/server/metric-names.ts';
import { Metrics } from '../../src/server/metrics.ts';

function metricsOf(laneCount = 2): Metrics {
  return new Metrics({ host: 'api:6443', leaseName: 'daemonpodupdater', laneCount });
}

/** Series by name and labels, as the text has them. */
async function seriesOf(metrics: Metrics): Promise<Map<string, number>> {
  const text = await metrics.text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}

const OF_ROLLOUTS = [...ROLLOUT_FIGURES, 'failedByCause', 'paceRate', 'paceUndisturbed', 'pacePhase'] as const;
const ROLLOUT_NAMES = new Set(OF_ROLLOUTS.map((key) => gauges[key].name as string));
const OWN = /^(daemonpodupdater_|workqueue_|rest_client_|leader_)/;

function figuresOf(value: number): Record<RolloutFigure, number> {
  return Object.fromEntries(ROLLOUT_FIGURES.map((figure) => [figure, value])) as Record<RolloutFigure, number>;
}

function dispatchOf(overrides: Partial<DispatchStats>): DispatchStats {
  return {
    ...{
      adds: 0,
      depth: 0,
      retries: 0,
      unfinishedWorkMs: 0,
      longestRunningMs: 0,
      processing: 0,
      delayed: 0,
      dropped: 0,
    },
    ...{ backingOff: 0, oldestWaitMs: 0, daemonSetsWaiting: 0, rateLimited: 0, lanes: [] },
    ...overrides,
  };
}

test('metrics: at the start → every definition has a series, all at zero', async () => {
  const series = await seriesOf(metricsOf());
  const names = [...series.keys()];
  for (const { name } of [...Object.values(counters), ...Object.values(gauges), ...Object.values(histograms)]) {
    if (ROLLOUT_NAMES.has(name)) continue;
    const own = names.filter((key) => key === name || key.startsWith(`${name}{`) || key.startsWith(`${name}_`));
    assert.ok(own.length > 0, `${name} has no series`);
  }
  const counts = new Set(['daemonpodupdater_lanes_wanted', 'daemonpodupdater_lanes_actual']);
  for (const [key, value] of series) {
    if (OWN.test(key)) assert.equal(value, counts.has(key) ? 2 : 0, key);
  }
  assert.equal(series.get('daemonpodupdater_tasks_total{action="delete",code="conflict"}'), 0);
  assert.equal(series.get('daemonpodupdater_lane_restarts_total{lane="1"}'), 0);
  assert.equal(series.get('rest_client_requests_total{code="429",method="PATCH",host="api:6443"}'), 0);
  assert.equal(series.get('leader_election_master_status{name="daemonpodupdater"}'), 0);
  assert.ok(names.some((key) => key.startsWith('process_cpu_seconds_total')));
});

test('metrics: something happens → it is counted under client-go’s labels', async () => {
  const metrics = metricsOf();
  metrics.requestDone({ verb: 'list', code: '200', durationMs: 30 });
  metrics.requestDone({ verb: 'watch', code: 'timeout', durationMs: 300_000 });
  metrics.taskDone({ action: 'delete', code: 'done', httpStatus: 200, durationMs: 40 });
  metrics.taskDone({ action: 'mark', code: 'unknown', httpStatus: 0, durationMs: 40 });
  metrics.taskDone({ action: 'delete', code: 'dry-run', httpStatus: 0, durationMs: 0 });
  metrics.configRefused('admin');
  metrics.runDone({ lane: 1, queueWaitMs: 3, workMs: 40 });
  metrics.watchRestarted('pods');
  metrics.objectLeftOut('nodes');
  metrics.lanesResized('lanes-busy');
  metrics.eventDropped();
  metrics.eventSuppressed('Normal');
  metrics.setLeader(true);
  const series = await seriesOf(metrics);
  const expected = {
    'rest_client_requests_total{code="200",method="GET",host="api:6443"}': 1,
    'rest_client_requests_total{code="timeout",method="GET",host="api:6443"}': 1,
    'rest_client_request_duration_seconds_count{verb="GET",host="api:6443"}': 1,
    'daemonpodupdater_tasks_total{action="delete",code="done"}': 1,
    'daemonpodupdater_lane_task_duration_seconds_sum{lane="1"}': 0.04,
    'workqueue_queue_duration_seconds_sum{name="daemonpodupdater"}': 0.003,
    'daemonpodupdater_watch_restarts_total{resource="pods"}': 1,
    'daemonpodupdater_objects_left_out_total{resource="nodes"}': 1,
    'rest_client_requests_total{code="200",method="DELETE",host="api:6443"}': 1,
    'rest_client_requests_total{code="<error>",method="PATCH",host="api:6443"}': 1,
    'rest_client_request_duration_seconds_sum{verb="DELETE",host="api:6443"}': 0.04,
    'daemonpodupdater_config_errors_total{source="admin"}': 1,
    'daemonpodupdater_lane_resizes_total{reason="lanes-busy"}': 1,
    daemonpodupdater_events_dropped_total: 1,
    'daemonpodupdater_events_suppressed_total{type="Normal"}': 1,
    'leader_election_master_status{name="daemonpodupdater"}': 1,
  };
  for (const [key, value] of Object.entries(expected)) assert.equal(series.get(key), value, key);
});

test('metrics: totals kept elsewhere → copied; an older one changes nothing', async () => {
  const metrics = metricsOf();
  const adds = async (total: number): Promise<number | undefined> => {
    metrics.setDispatch(
      dispatchOf({ adds: total, depth: total, lanes: [{ lane: 1, queued: 7, processing: 1, taken: 9 }] }),
    );
    return (await seriesOf(metrics)).get('workqueue_adds_total{name="daemonpodupdater"}');
  };
  assert.equal(await adds(5), 5);
  assert.equal(await adds(8), 8);
  assert.equal(await adds(2), 8);
  assert.equal(await adds(9), 9);
  const series = await seriesOf(metrics);
  assert.equal(series.get('workqueue_depth{name="daemonpodupdater"}'), 9);
  assert.equal(series.get('daemonpodupdater_lane_queue_depth{lane="1"}'), 7);
});

test('metrics: lanes come and go → a new one starts at zero, one that left shows no load and keeps its totals', async () => {
  const metrics = metricsOf(1);
  metrics.setLaneCounts(3, 3);
  const stats = { tasks: 9, inFlight: 1, utilization: 0.5, cpuMs: 1500, heapBytes: 1000, restarts: 1 };
  metrics.setLanes([{ lane: 2, ...stats }]);
  let series = await seriesOf(metrics);
  assert.equal(series.get('daemonpodupdater_lane_cpu_seconds_total{lane="2"}'), 1.5);
  assert.equal(series.get('daemonpodupdater_lane_tasks_total{lane="1"}'), 0);
  metrics.setLaneCounts(2, 2);
  series = await seriesOf(metrics);
  assert.equal(series.get('daemonpodupdater_lane_event_loop_utilization{lane="2"}'), 0);
  assert.equal(series.get('daemonpodupdater_lane_cpu_seconds_total{lane="2"}'), 1.5);
  assert.equal(series.get('daemonpodupdater_lane_restarts_total{lane="2"}'), 1);
  assert.equal(series.get('daemonpodupdater_lanes_actual'), 2);
});

test('metrics: tasks of a lane → counted as they end, whatever is known of the lane at that time', async () => {
  const metrics = metricsOf(1);
  // Lanes 1 and 2 work before the metrics hear of them.
  for (const lane of [0, 1, 1, 2]) metrics.runDone({ lane, queueWaitMs: 1, workMs: 2 });
  metrics.setLaneCounts(2, 2);
  metrics.runDone({ lane: 1, queueWaitMs: 1, workMs: 2 });
  metrics.setLanes([{ lane: 1, tasks: 99, inFlight: 0, utilization: 0, cpuMs: 0, heapBytes: 0, restarts: 0 }]);
  metrics.setLaneCounts(1, 1);
  metrics.setLaneCounts(3, 3);
  const series = await seriesOf(metrics);
  for (const [lane, count] of [1, 3, 1].entries()) {
    assert.equal(series.get(`daemonpodupdater_lane_tasks_total{lane="${lane}"}`), count, `lane ${lane}`);
    assert.equal(
      series.get(`daemonpodupdater_lane_task_duration_seconds_count{lane="${lane}"}`),
      count,
      `lane ${lane}`,
    );
    assert.equal(series.get(`daemonpodupdater_lane_queue_wait_seconds_count{lane="${lane}"}`), count, `lane ${lane}`);
  }
});

test('metrics: decisions about lanes → counted by reason, and one reason holds', async () => {
  const metrics = metricsOf();
  metrics.setLaneDecisions('api-server', new Map([['api-server', 3]]));
  metrics.setLaneDecisions(
    'steady',
    new Map([
      ['api-server', 4],
      ['steady', 2],
    ]),
  );
  const series = await seriesOf(metrics);
  assert.equal(series.get('daemonpodupdater_lane_decisions_total{reason="api-server"}'), 4);
  assert.equal(series.get('daemonpodupdater_lane_decisions_total{reason="steady"}'), 2);
  assert.equal(series.get('daemonpodupdater_lanes_reason{reason="steady"}'), 1);
  assert.equal(series.get('daemonpodupdater_lanes_reason{reason="api-server"}'), 0);
});

test('metrics: a rollout ends → its series go', async () => {
  const metrics = metricsOf();
  metrics.setRollout('edge', 'agent', figuresOf(4));
  const key = 'daemonpodupdater_rollout_in_flight{namespace="edge",daemonset="agent"}';
  assert.equal((await seriesOf(metrics)).get(key), 4);
  metrics.removeRollout('edge', 'agent');
  assert.equal((await seriesOf(metrics)).get(key), undefined);
});

test('metrics: the pace of a rollout → rate, undisturbed time and one phase; gone with the rollout', async () => {
  const metrics = metricsOf();
  const pace = { phase: 'steady', window: 40, reason: '', ratePerSecond: 61, undisturbedMs: 420 } as const;
  const of = 'namespace="edge",daemonset="agent"';
  metrics.setPace('edge', 'agent', pace);
  const series = await seriesOf(metrics);
  assert.equal(series.get(`daemonpodupdater_rollout_replacements_per_second{${of}}`), 61);
  assert.equal(series.get(`daemonpodupdater_rollout_undisturbed_replacement_seconds{${of}}`), 0.42);
  assert.equal(series.get(`daemonpodupdater_rollout_pace_phase{${of},phase="steady"}`), 1);
  assert.equal(series.get(`daemonpodupdater_rollout_pace_phase{${of},phase="starting"}`), 0);
  metrics.removeRollout('edge', 'agent');
  const after = await seriesOf(metrics);
  assert.equal(after.get(`daemonpodupdater_rollout_pace_phase{${of},phase="steady"}`), undefined);
  assert.equal(after.get(`daemonpodupdater_rollout_replacements_per_second{${of}}`), undefined);
});

test('metrics: before a scrape → the updates run; one that fails does not take the others down', async () => {
  const metrics = metricsOf();
  metrics.beforeScrape(() => {
    throw new Error('no statistics');
  });
  metrics.beforeScrape(async () => metrics.setLeader(true));
  assert.equal((await seriesOf(metrics)).get('leader_election_master_status{name="daemonpodupdater"}'), 1);
});
