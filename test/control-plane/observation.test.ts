import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubeObject } from './api-client.ts';
import { Observation, type ObservedChange, type Source } from './observation.ts';

const NAME = 'agent';
const OWNER = { kind: 'DaemonSet', name: NAME, uid: 'daemonset-uid' };

function change(source: Source, atMs: number, object: unknown, isDeleted = false): ObservedChange {
  return { source, atMs, object: object as KubeObject, isDeleted };
}

function node(name: string, isReady = true): unknown {
  return { metadata: { name }, status: { conditions: [{ type: 'Ready', status: isReady ? 'True' : 'Unknown' }] } };
}

function daemonSet(generation: number, minReadySeconds = 0): unknown {
  return {
    metadata: { name: NAME, uid: OWNER.uid, generation },
    spec: { minReadySeconds, selector: {}, template: { spec: {} } },
    status: { observedGeneration: generation },
  };
}

function revision(number: number): unknown {
  const labels = { 'controller-revision-hash': `hash-${number}` };
  return { metadata: { name: `revision-${number}`, labels, ownerReferences: [OWNER] }, revision: number };
}

interface PodState {
  readonly revision: number;
  readonly isReady?: boolean;
  readonly isTerminating?: boolean;
  readonly readySinceMs?: number;
}

function pod(
  uid: string,
  nodeName: string,
  { revision: number, isReady = true, isTerminating = false, readySinceMs }: PodState,
): unknown {
  const since =
    readySinceMs === undefined
      ? {}
      : { lastTransitionTime: new Date(performance.timeOrigin + readySinceMs).toISOString() };
  return {
    metadata: {
      name: uid,
      uid,
      labels: { 'controller-revision-hash': `hash-${number}` },
      ownerReferences: [OWNER],
      ...(isTerminating ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: { nodeName },
    status: { conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False', ...since }] },
  };
}

/** Two nodes with a pod of revision 1 each; the count begins at 0 ms. */
function twoNodes(minReadySeconds = 0): Observation {
  const observation = new Observation(NAME);
  observation.begin(-10_000);
  const start = [
    change('daemonSet', -10_000, daemonSet(1, minReadySeconds)),
    change('revision', -10_000, revision(1)),
    ...['a', 'b'].flatMap((name) => [
      change('node', -10_000, node(name)),
      change('pod', -10_000, pod(`${name}-1`, name, { revision: 1 })),
    ]),
  ];
  observation.observe(start, 0);
  observation.begin(0);
  return observation;
}

function peaksOf({ report }: Observation) {
  const { unavailablePeak, takenDownPeak, cameUnavailable } = report;
  return { unavailablePeak, takenDownPeak, cameUnavailable };
}

describe('observation', () => {
  it('one pod replaced → one unavailable from its deletion to the new one’s readiness', () => {
    const observation = twoNodes();
    observation.observe(
      [
        change('pod', 1_000, pod('a-1', 'a', { revision: 1, isTerminating: true })),
        change('pod', 1_500, pod('a-1', 'a', { revision: 1, isTerminating: true }), true),
        change('pod', 2_000, pod('a-2', 'a', { revision: 1, isReady: false })),
        change('pod', 4_000, pod('a-2', 'a', { revision: 1 })),
      ],
      5_000,
    );
    const { unavailablePeak, unavailablePodSeconds, unavailableNow, deletedPods, deletedCurrentPods } =
      observation.report;
    assert.deepEqual(
      { unavailablePeak, unavailablePodSeconds, unavailableNow, deletedPods, deletedCurrentPods },
      { unavailablePeak: 1, unavailablePodSeconds: 3, unavailableNow: 0, deletedPods: 1, deletedCurrentPods: 1 },
    );
  });

  it('a node whose pod is gone and not recreated → counts as unavailable', () => {
    const observation = twoNodes();
    observation.observe([change('pod', 1_000, pod('a-1', 'a', { revision: 1 }), true)], 2_000);
    assert.equal(observation.report.unavailableNow, 1);
  });

  it('a NotReady node → neither eligible nor unavailable', () => {
    const observation = twoNodes();
    observation.observe(
      [change('node', 1_000, node('a', false)), change('pod', 1_001, pod('a-1', 'a', { revision: 1, isReady: false }))],
      2_000,
    );
    assert.equal(observation.report.eligibleNodes, 1);
    assert.equal(observation.report.unavailablePeak, 0);
  });

  it('a node that comes back without an available pod → no deletion is blamed for it, unless it follows a second later', () => {
    const observation = twoNodes();
    const goesAndComes = [
      change('node', 1_000, node('a', false)),
      change('pod', 1_001, pod('a-1', 'a', { revision: 1, isReady: false })),
      change('node', 5_000, node('a')),
    ];
    const deleted = pod('b-1', 'b', { revision: 1, isTerminating: true });
    observation.observe([...goesAndComes, change('pod', 5_900, deleted)], 5_950);
    assert.deepEqual(peaksOf(observation), { unavailablePeak: 2, takenDownPeak: 1, cameUnavailable: 1 });
    const late = twoNodes();
    late.observe([...goesAndComes, change('pod', 6_000, deleted)], 6_100);
    assert.deepEqual(peaksOf(late), { unavailablePeak: 2, takenDownPeak: 2, cameUnavailable: 1 });
  });

  it('a node that came and got its pod → its next pod that goes down counts at once', () => {
    const observation = twoNodes();
    observation.observe(
      [
        change('node', 1_000, node('a', false)),
        change('pod', 1_001, pod('a-1', 'a', { revision: 1, isReady: false })),
        change('node', 2_000, node('a')),
        change('pod', 2_010, pod('a-1', 'a', { revision: 1 })),
        change('pod', 2_020, pod('a-1', 'a', { revision: 1, isTerminating: true })),
        change('pod', 2_030, pod('b-1', 'b', { revision: 1, isTerminating: true })),
      ],
      3_000,
    );
    assert.deepEqual(peaksOf(observation), { unavailablePeak: 2, takenDownPeak: 2, cameUnavailable: 1 });
  });

  it('trust 1: a taint on a node whose pod has gone → keeps its place; on one with its old pod → is left out', () => {
    const taints = [{ key: 'node.kubernetes.io/network-unavailable', effect: 'NoSchedule' }];
    const tainted = (name: string) => ({ ...(node(name) as object), spec: { taints } });
    const observation = twoNodes();
    observation.observe(
      [
        change('pod', 1_000, pod('a-1', 'a', { revision: 1 }), true),
        change('node', 1_100, tainted('a')),
        change('revision', 1_150, revision(2)),
        change('node', 1_200, tainted('b')),
      ],
      2_000,
    );
    assert.deepEqual([observation.report.unavailableNow, observation.report.eligibleNodes], [1, 1]);
  });

  it('trust 8: a node that joined and never had an available pod → no deletion is blamed for it; one that had is', () => {
    const joins = twoNodes();
    const goes = change('pod', 5_000, pod('a-1', 'a', { revision: 1, isTerminating: true }));
    joins.observe([change('node', 1_000, node('c')), goes], 6_000);
    assert.deepEqual(peaksOf(joins), { unavailablePeak: 2, takenDownPeak: 1, cameUnavailable: 1 });
    const breaks = twoNodes();
    breaks.observe(
      [
        change('node', 1_000, node('c')),
        change('pod', 1_100, pod('c-1', 'c', { revision: 1 })),
        change('pod', 1_200, pod('c-1', 'c', { revision: 1, isReady: false })),
        goes,
      ],
      6_000,
    );
    assert.deepEqual(peaksOf(breaks), { unavailablePeak: 2, takenDownPeak: 2, cameUnavailable: 1 });
  });

  it('a node’s event that arrived before an older one of its pod → the pod that is ready is available', () => {
    const observation = twoNodes();
    observation.observe(
      [
        change('pod', 1_000, pod('a-1', 'a', { revision: 1 }), true),
        change('pod', 2_003, pod('a-2', 'a', { revision: 1 })),
        change('node', 2_000, node('a')),
      ],
      3_000,
    );
    assert.equal(observation.report.unavailableNow, 0);
    assert.equal(observation.report.updatedNodes, 2);
  });

  it('a new revision → complete only when every node runs it, at the time of the last one', () => {
    const observation = twoNodes();
    observation.observe([change('revision', 100, revision(2)), change('daemonSet', 110, daemonSet(2))], 200);
    assert.equal(observation.report.isComplete, false);
    for (const [index, name] of ['a', 'b'].entries()) {
      const atMs = 1_000 * (index + 1);
      observation.observe(
        [
          change('pod', atMs, pod(`${name}-1`, name, { revision: 1 }), true),
          change('pod', atMs + 500, pod(`${name}-2`, name, { revision: 2 })),
        ],
        atMs + 600,
      );
    }
    observation.observe([], 9_000);
    assert.equal(observation.report.isComplete, true);
    assert.equal(observation.report.completedAfterMs, 2_500);
    assert.equal(observation.report.deletedCurrentPods, 0);
  });

  it('minReadySeconds → a ready pod is available only after that time', () => {
    const observation = twoNodes(5);
    assert.equal(observation.report.unavailableNow, 0);
    observation.observe(
      [
        change('pod', 1_000, pod('a-1', 'a', { revision: 1 }), true),
        change('pod', 2_000, pod('a-2', 'a', { revision: 1 })),
      ],
      6_999,
    );
    assert.equal(observation.report.unavailableNow, 1);
    observation.observe([], 7_000);
    assert.equal(observation.report.unavailableNow, 0);
  });

  it('minReadySeconds, Ready said later than it was → it counts from when it was', () => {
    const observation = twoNodes(5);
    observation.observe(
      [
        change('pod', 1_000, pod('a-1', 'a', { revision: 1 }), true),
        change('pod', 2_900, pod('a-2', 'a', { revision: 1, readySinceMs: 2_000 })),
      ],
      6_990,
    );
    assert.equal(observation.report.unavailableNow, 1);
    observation.observe([], 7_010);
    assert.equal(observation.report.unavailableNow, 0);
  });
});
