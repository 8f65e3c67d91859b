import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PodRecord } from '../../src/kube/records.ts';
import { budget, cluster, daemonSet, node, pod, revision, syncedRollout, T0 } from './records.ts';

const DEADLINE_MS = 600_000;
const ANNOTATED = { daemonSet: daemonSet({ annotations: budget('1') }) };
const CPU = 'Pod was rejected: Node didn\'t have enough "cpu", requested: 4000, used: 250';

/** One node, whose pod `hash` is as told once the old one is gone; a deadline later. */
function failed(hash: string, changes: Partial<PodRecord>) {
  const rollout = syncedRollout({ ...cluster(1), ...ANNOTATED });
  rollout.removePod(pod('n01', 'old'), T0);
  rollout.upsertPod(pod('n01', hash, { isReady: false, uid: 'that-one', ...changes }), T0);
  rollout.tick(T0 + DEADLINE_MS);
  const notice = rollout.takeNotices().find(({ type }) => type === 'node-failed');
  assert.ok(notice?.type === 'node-failed');
  const [row] = rollout.plan(T0 + DEADLINE_MS);
  return { notice, row };
}

const CASES: readonly (readonly [hash: string, changes: Partial<PodRecord>, cause: string, detail: string])[] = [
  ['new', { phase: 'Failed', trouble: 'OutOfcpu' }, 'not-admitted', 'the kubelet refused the new pod: OutOfcpu'],
  ['new', { phase: 'Failed', trouble: 'OutOfmemory' }, 'not-admitted', 'the kubelet refused the new pod: OutOfmemory'],
  [
    'new',
    { phase: 'Failed', trouble: 'NodeAffinity' },
    'not-admitted',
    'the kubelet refused the new pod: NodeAffinity',
  ],
  [
    'new',
    { phase: 'Failed', trouble: 'NodeShutdown' },
    'not-admitted',
    'the kubelet refused the new pod: NodeShutdown',
  ],
  ['new', { phase: 'Failed', trouble: 'Evicted' }, 'evicted', 'the kubelet ended the new pod: Evicted'],
  ['new', { phase: 'Failed', trouble: 'Preempting' }, 'evicted', 'the kubelet ended the new pod: Preempting'],
  ['old', { phase: 'Failed', trouble: 'Evicted' }, 'evicted', 'the kubelet ended the old pod: Evicted'],
  ['old', { phase: 'Failed', trouble: 'OutOfcpu' }, 'not-admitted', 'the kubelet refused the old pod: OutOfcpu'],
  ['new', { phase: 'Failed', trouble: 'Failed' }, 'other', 'the new pod is Failed'],
  [
    'new',
    { phase: 'Failed', trouble: 'Error (exit code 3)' },
    'crash-loop',
    'the new pod is Failed: Error (exit code 3)',
  ],
  ['old', { phase: 'Succeeded' }, 'not-ready', 'the old pod does not become available'],
  ['old', { isTerminating: true }, 'stuck-terminating', 'the old pod is stuck in Terminating'],
  ['new', { isTerminating: true }, 'stuck-terminating', 'the new pod is stuck in Terminating'],
  ['new', {}, 'not-ready', 'the new pod does not become available'],
];

for (const [hash, changes, cause, detail] of CASES) {
  test(`trust 14: a pod of ${hash}, ${JSON.stringify(changes)}, after the deadline → ${cause}: ${detail}`, () => {
    const { notice, row } = failed(hash, changes);
    assert.deepEqual([notice.cause, notice.detail, notice.said], [cause, detail, undefined]);
    assert.equal(row?.reason, 'failed');
    if (changes.trouble !== undefined) assert.ok(row.message.includes(changes.trouble), row.message);
  });
}

test('trust 14: the kubelet says why it refused the pod → plan and the line say it too, before the deadline and after', () => {
  const changes = { phase: 'Failed', trouble: 'OutOfcpu', troubleMessage: CPU };
  const said = `pod agent-that-one is Failed: OutOfcpu, as the kubelet says: "${CPU.replaceAll('"', "'")}"`;
  const { notice, row } = failed('new', changes);
  assert.equal(notice.said, CPU);
  assert.equal(notice.detail, 'the kubelet refused the new pod: OutOfcpu', 'the same on every node');
  assert.equal(row?.message, `${said}; the DaemonSet controller replaces it (600 s, progress deadline 600 s)`);
  assert.equal(notice.why, row.message);
  const rollout = syncedRollout({ ...cluster(1), ...ANNOTATED });
  rollout.removePod(pod('n01', 'old'), T0);
  rollout.upsertPod(pod('n01', 'old', { isReady: false, uid: 'that-one', ...changes }), T0);
  assert.deepEqual(
    rollout.plan(T0).map(({ reason, message }) => [reason, message]),
    [['in-flight', `${said}; the DaemonSet controller replaces it`]],
  );
});

test('trust 14: rolled back while the pod of the newer revision is stuck → it is the old one, however young it is', () => {
  const rollout = syncedRollout({
    nodes: [node('n01')],
    pods: [pod('n01', 'new', { isTerminating: true, createdAtMs: T0 - 1000 })],
    revisions: [revision('old', 3), revision('new', 2)],
    ...ANNOTATED,
  });
  rollout.tick(T0 + DEADLINE_MS);
  const notice = rollout.takeNotices().find(({ type }) => type === 'node-failed');
  assert.equal(notice?.type === 'node-failed' && notice.detail, 'the old pod is stuck in Terminating');
});

for (const strategy of ['AdvancedRollingUpdate', 'OTA']) {
  test(`trust 14: a node failed, and under ${strategy} its pod is settled → updated after all only where pods are updated`, () => {
    const rollout = syncedRollout({ ...cluster(1), ...ANNOTATED });
    rollout.removePod(pod('n01', 'old'), T0);
    const stuck = pod('n01', 'new', {
      isReady: false,
      needUpgrade: { status: 'False', message: 'controllerrevision: new' },
    });
    rollout.upsertPod(stuck, T0);
    rollout.tick(T0 + DEADLINE_MS);
    rollout.takeNotices();
    const annotations = { 'apps.openyurt.io/update-strategy': strategy };
    rollout.setDaemonSet(daemonSet({ annotations, resourceVersion: '2' }), T0 + DEADLINE_MS + 1);
    if (strategy !== 'OTA') rollout.upsertPod({ ...stuck, isReady: true }, T0 + DEADLINE_MS + 2);
    const types = rollout.takeNotices().map(({ type }) => type);
    assert.equal(types.includes('node-recovered'), strategy !== 'OTA', types.join());
    assert.equal(types.includes('failure-moot'), strategy === 'OTA', types.join());
  });
}
