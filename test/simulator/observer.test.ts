import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SimulatedCluster } from '../../src/simulator/cluster.ts';
import type { ObserverReport } from '../../src/simulator/observer.ts';
import type { AvailabilityReport } from '../../src/simulator/observer-availability.ts';
import {
  AGENT,
  createWorld,
  deletePod,
  hashOf,
  mark,
  NEW,
  newestHash,
  OLD,
  podOn,
  podUrl,
  run,
  send,
} from './support.ts';

function changed(options: Parameters<typeof createWorld>[0] = {}): SimulatedCluster {
  const cluster = createWorld(options);
  cluster.updateTemplate(AGENT, NEW);
  run(cluster, 500);
  return cluster;
}

function reportOf(cluster: SimulatedCluster): AvailabilityReport {
  const [report] = cluster.observer.report().daemonSets;
  assert(report !== undefined);
  return report;
}

const FAULTS = [
  'duplicateWrites',
  'wrongForceDeletes',
  'overlappingWrites',
  'currentPodDeletes',
  'staleMarks',
  'wrongMarks',
  'writesWithoutPrecondition',
  'foreignWrites',
  'optedOutWrites',
  'otaDeletes',
  'overBudgetDeletions',
] as const;

/** Fails unless exactly these faults were counted, each as often as given. */
function assertFaults(cluster: SimulatedCluster, expected: Partial<Record<(typeof FAULTS)[number], number>>): void {
  const report: ObserverReport = cluster.observer.report();
  const found = Object.fromEntries(FAULTS.filter((name) => report[name] > 0).map((name) => [name, report[name]]));
  assert.deepEqual(found, expected, report.violations.join('\n'));
  assert.equal(report.violations.length > 0, Object.keys(expected).length > 0);
}

test('observer: a rollout within its budget → peak, integral and completion, and no fault', () => {
  const cluster = changed({ nodes: 6, maxUnavailable: '2' });
  for (let first = 0; first < 6; first += 2) {
    deletePod(cluster, podOn(cluster, `n${first}`));
    deletePod(cluster, podOn(cluster, `n${first + 1}`));
    run(cluster, 10_000);
  }
  const report = reportOf(cluster);
  assert.deepEqual([report.eligible, report.eligibleReady, report.updated, report.allowed], [6, 6, 6, 2]);
  assert.deepEqual([report.peak, report.peakAtDeletion, report.peakOverall, report.peakInFlight], [2, 2, 2, 2]);
  assert.ok(report.completedAtMs !== undefined);
  // Six pods, each away for termination, creation and start-up: about 1.4 seconds.
  assert.ok(Math.abs(report.unavailablePodSeconds - 6 * 1.4) < 4, String(report.unavailablePodSeconds));
  assertFaults(cluster, {});
  assert.deepEqual([cluster.observer.report().deletes, cluster.observer.report().patches], [6, 0]);
});

test('observer: the integral → nodes without a pod times the time they were so', () => {
  const cluster = changed({ nodes: 4 });
  for (const name of ['n0', 'n1']) cluster.kubelets.setStuckTerminating(name, true);
  deletePod(cluster, podOn(cluster, 'n0'));
  run(cluster, 10_000);
  deletePod(cluster, podOn(cluster, 'n1'));
  run(cluster, 5000);
  assert.equal(Math.round(reportOf(cluster).unavailablePodSeconds), 10 + 5 * 2);
});

test('observer: one deletion too many → over budget, however the nodes before came to be down', () => {
  const cluster = changed({ nodes: 6, maxUnavailable: '2' });
  cluster.kubelets.setPodReady(`default/${podOn(cluster, 'n0').metadata.name}`, false);
  run(cluster, 1000);
  deletePod(cluster, podOn(cluster, 'n1'));
  assertFaults(cluster, {});
  deletePod(cluster, podOn(cluster, 'n2'));
  assertFaults(cluster, { overBudgetDeletions: 1 });
  const report = reportOf(cluster);
  assert.deepEqual([report.peak, report.peakAtDeletion, report.peakOverall], [2, 3, 3]);
});

test('observer: an unavailable pod deleted with the budget used up → costs nothing, in flight all the same', () => {
  const cluster = changed({ nodes: 6, maxUnavailable: '1' });
  const pod = podOn(cluster, 'n0');
  cluster.kubelets.setPodReady(`default/${pod.metadata.name}`, false);
  run(cluster, 1000);
  deletePod(cluster, pod);
  assertFaults(cluster, {});
  assert.deepEqual([reportOf(cluster).peak, reportOf(cluster).peakInFlight], [0, 1]);
});

test('observer: a node failed within the lag before a deletion → not held against it; longer ago → it is', () => {
  for (const [agoMs, faults] of [
    [500, {}],
    [1500, { overBudgetDeletions: 1 }],
  ] as const) {
    const cluster = changed({ maxUnavailable: '1', lagMs: 1000 });
    cluster.kubelets.setPodReady(`default/${podOn(cluster, 'n0').metadata.name}`, false);
    run(cluster, agoMs);
    deletePod(cluster, podOn(cluster, 'n1'));
    assertFaults(cluster, faults);
  }
});

test('observer: own deletions beyond the budget within the lag → a fault all the same', () => {
  const cluster = changed({ maxUnavailable: '1', lagMs: 1000 });
  deletePod(cluster, podOn(cluster, 'n0'));
  deletePod(cluster, podOn(cluster, 'n1'));
  assertFaults(cluster, { overBudgetDeletions: 1 });
});

test('observer: the bound lowered within the lag → the earlier one still counts, then not', () => {
  for (const [agoMs, faults] of [
    [500, {}],
    [1500, { overBudgetDeletions: 1 }],
  ] as const) {
    const cluster = changed({ maxUnavailable: '2', lagMs: 1000 });
    cluster.kubelets.setStuckTerminating('n0', true);
    deletePod(cluster, podOn(cluster, 'n0'));
    cluster.annotateDaemonSet(AGENT, { 'apps.openyurt.io/max-unavailable': '1' });
    run(cluster, agoMs);
    deletePod(cluster, podOn(cluster, 'n1'));
    assertFaults(cluster, faults);
  }
});

test('observer: NotReady nodes → neither counted nor in the integral', () => {
  const cluster = changed({ nodes: 6, maxUnavailable: '2' });
  for (const name of ['n0', 'n1', 'n2']) cluster.setNodeReady(name, false);
  run(cluster, 10_000);
  const report = reportOf(cluster);
  assert.deepEqual([report.notReady, report.unavailable, report.unavailablePodSeconds], [3, 0, 0]);
  deletePod(cluster, podOn(cluster, 'n3'));
  deletePod(cluster, podOn(cluster, 'n4'));
  assertFaults(cluster, {});
});

test('observer: minReadySeconds → unavailable until it has passed', () => {
  const cluster = changed({ nodes: 4, minReadySeconds: 10 });
  deletePod(cluster, podOn(cluster, 'n0'));
  run(cluster, 9000);
  assert.equal(reportOf(cluster).unavailable, 1);
  run(cluster, 9000);
  assert.deepEqual([reportOf(cluster).unavailable, reportOf(cluster).updated], [0, 1]);
});

test('observer: percentages and odd values of max-unavailable → rounded up, or the default', () => {
  const rows: [string, number][] = [
    ['10%', 3],
    ['0', 3],
    ['0%', 3],
    ['7', 7],
    ['100%', 25],
    ['x', 3],
    ['-1', 3],
  ];
  for (const [maxUnavailable, allowed] of rows) {
    assert.equal(reportOf(createWorld({ nodes: 25, maxUnavailable })).allowed, allowed, maxUnavailable);
  }
});

test('observer: the same pod deleted twice, also after it is gone → a duplicate each time', () => {
  const cluster = changed();
  const pod = podOn(cluster, 'n0');
  deletePod(cluster, pod);
  deletePod(cluster, pod);
  assertFaults(cluster, { duplicateWrites: 1 });
  run(cluster, 5000);
  assert.equal(deletePod(cluster, pod), 404);
  assertFaults(cluster, { duplicateWrites: 2 });
  assert.equal(cluster.observer.report().deletes, 1);
});

test('observer: a deletion that was refused, and one of a pod that others deleted → no fault', () => {
  const cluster = changed();
  const pod = podOn(cluster, 'n0');
  assert.equal(deletePod(cluster, pod, '11111111-2222-4333-8444-555555555555'), 409);
  cluster.deletePodAsUser(`default/${pod.metadata.name}`);
  run(cluster, 5000);
  assert.equal(deletePod(cluster, pod), 404);
  assertFaults(cluster, {});
  assert.equal(cluster.observer.report().deletes, 0);
});

test('observer: a pod of the newest revision deleted → a fault, unless the revision is newer than the lag', () => {
  const cluster = changed();
  deletePod(cluster, podOn(cluster, 'n0'));
  run(cluster, 5000);
  deletePod(cluster, podOn(cluster, 'n0'));
  assertFaults(cluster, { currentPodDeletes: 1 });
  assert.equal(cluster.observer.report().orderViolations, 1);
  const lagging = createWorld({ lagMs: 1000 });
  lagging.updateTemplate(AGENT, NEW);
  run(lagging, 2000);
  lagging.updateTemplate(AGENT, OLD);
  run(lagging, 500);
  deletePod(lagging, podOn(lagging, 'n0'));
  assertFaults(lagging, {});
});

test('observer: writes without the UID → a fault each', () => {
  const cluster = changed();
  const pod = podOn(cluster, 'n0');
  send(cluster, { method: 'DELETE', url: podUrl(pod) });
  const headers = { 'content-type': 'application/merge-patch+json' };
  const json = { metadata: { labels: { touched: 'yes' } } };
  send(cluster, { method: 'PATCH', url: podUrl(podOn(cluster, 'n1')), headers, json });
  assertFaults(cluster, { writesWithoutPrecondition: 2 });
});

test('observer: a pod of nobody, and one of a DaemonSet that did not opt in → a fault each', () => {
  const cluster = changed({ strategy: 'none' });
  deletePod(cluster, podOn(cluster, 'n0'));
  const json = { metadata: { name: 'stray' }, spec: { containers: [{ name: 'main', image: OLD }] } };
  send(cluster, { method: 'POST', url: '/api/v1/namespaces/default/pods', json });
  const stray = cluster.pod('default', 'stray');
  assert(stray !== undefined);
  deletePod(cluster, stray);
  assertFaults(cluster, { optedOutWrites: 1, foreignWrites: 1 });
});

test('observer: opted out within the lag → not held against a write; longer ago → it is', () => {
  for (const [agoMs, faults] of [
    [500, {}],
    [1500, { optedOutWrites: 1 }],
  ] as const) {
    const cluster = changed({ lagMs: 1000 });
    cluster.annotateDaemonSet(AGENT, { 'apps.openyurt.io/update-strategy': 'off' });
    run(cluster, agoMs);
    deletePod(cluster, podOn(cluster, 'n0'));
    assertFaults(cluster, faults);
  }
});

test('observer: OTA → a deletion is a fault; marks are counted, and the same mark again is a duplicate', () => {
  const cluster = changed({ strategy: 'OTA' });
  const hash = newestHash(cluster);
  mark(cluster, podOn(cluster, 'n0'), { status: 'True', hash });
  mark(cluster, podOn(cluster, 'n1'), { status: 'True', hash });
  assertFaults(cluster, {});
  assert.equal(cluster.observer.report().patches, 2);
  mark(cluster, podOn(cluster, 'n1'), { status: 'True', hash });
  assertFaults(cluster, { duplicateWrites: 1 });
  deletePod(cluster, podOn(cluster, 'n2'));
  assertFaults(cluster, { duplicateWrites: 1, otaDeletes: 1 });
});

test('observer: a mark for an older revision after a newer, and one that says the opposite → a fault each', () => {
  const cluster = changed({ strategy: 'OTA' });
  const pod = podOn(cluster, 'n0');
  mark(cluster, pod, { status: 'True', hash: newestHash(cluster) });
  mark(cluster, podOn(cluster, 'n0'), { status: 'False', hash: hashOf(pod) });
  assertFaults(cluster, { staleMarks: 1 });
  mark(cluster, podOn(cluster, 'n1'), { status: 'False', hash: newestHash(cluster) });
  assertFaults(cluster, { staleMarks: 1, wrongMarks: 1 });
});

test('observer: rolled back → a mark for the first revision again is in order', () => {
  const cluster = changed({ strategy: 'OTA' });
  const pod = podOn(cluster, 'n0');
  mark(cluster, pod, { status: 'True', hash: newestHash(cluster) });
  cluster.updateTemplate(AGENT, OLD);
  run(cluster, 500);
  mark(cluster, podOn(cluster, 'n0'), { status: 'False', hash: newestHash(cluster) });
  assertFaults(cluster, {});
});

test('observer: two writes of one slot in flight → an overlap; one after the other, or of two slots → none', () => {
  const cluster = changed();
  const begin = (node: string): (() => void) =>
    cluster.observer.begin({ method: 'DELETE', url: podUrl(podOn(cluster, node)), headers: {}, body: undefined });
  const first = begin('n0');
  const other = begin('n1');
  first();
  first();
  const second = begin('n0');
  assertFaults(cluster, {});
  const third = begin('n0');
  assertFaults(cluster, { overlappingWrites: 1 });
  for (const end of [other, second, third]) end();
  begin('n0');
  assertFaults(cluster, { overlappingWrites: 1 });
  assert.equal(cluster.observer.report().orderViolations, 1);
});
