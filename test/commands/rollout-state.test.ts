import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kubeletWords } from '../../src/commands/kubelet-words.ts';
import type { RolloutCounts } from '../../src/rollout/counts.ts';
import type { Block } from '../../src/rollout/definition.ts';
import type { LimitReason } from '../../src/rollout/limits/chain.ts';
import type { NodePlan } from '../../src/rollout/plan.ts';
import type { LeftBehind } from '../../src/status/left-behind.ts';
import { stateOf, stateWords } from '../../src/status/rollout-standing.ts';
import { type LedRollout, ledOf, toldByLeader, warningsOf } from '../../src/status/rollout-state.ts';

const COUNTS: RolloutCounts = {
  eligible: 1000,
  ready: 990,
  updated: 500,
  available: 890,
  unavailable: 100,
  joining: 0,
  brokenBefore: 0,
  inFlight: 100,
  reserved: 0,
  skippedNotReady: 10,
  failed: 0,
  waiting: 390,
  repeated: 0,
  refused: 0,
  settled: 500,
  allowed: 100,
  window: 100,
  targetHash: 'h2',
  targetCreatedAtMs: 1_000,
  strategy: 'AdvancedRollingUpdate',
  isPaused: false,
};
const NOW_MS = 31_000;
const LEFT: LeftBehind = { notReady: ['n1', 'n2', 'n3', 'n4'], tainted: ['n8'], brokenBefore: [] };

function led(changes: Partial<NonNullable<LedRollout>> = {}): LedRollout {
  const pace = { phase: 'steady', window: 100, reason: 'enough', ratePerSecond: 49 };
  return { daemonSet: 'edge/agent', allowed: 100, pace, ...changes };
}

interface State {
  readonly name: string;
  readonly counts?: Partial<RolloutCounts>;
  readonly block?: Block;
  readonly led?: LedRollout;
  readonly left?: LeftBehind;
  readonly heldBy?: LimitReason;
  readonly state: string;
}

const BEHIND: Block = { code: 'generation-behind', message: 'the DaemonSet controller has seen generation 1 of 2' };
const STALE: Block = { code: 'stale', message: 'stale: pods' };
const DONE = { waiting: 0, inFlight: 0, skippedNotReady: 0, unavailable: 0 };

const states: readonly State[] = [
  { name: 'it goes on', led: led(), state: 'revision 30s old, about 10s left' },
  { name: 'no leader is reached', state: 'revision 30s old' },
  {
    name: 'nothing comes back',
    led: led({ pace: { phase: 'stalled', window: 1, reason: 'nothing comes back', ratePerSecond: 0 } }),
    state: 'revision 30s old',
  },
  {
    name: 'every node has it but one',
    counts: DONE,
    led: led(),
    left: { notReady: [], tainted: ['n8'], brokenBefore: [] },
    state: 'done, but for tainted nodes (1: n8)',
  },
  {
    name: 'every node has it',
    counts: DONE,
    led: led(),
    left: { notReady: [], tainted: [], brokenBefore: [] },
    state: 'done',
  },
  {
    name: 'every node has it, and some have been broken for long',
    counts: DONE,
    led: led(),
    left: { ...LEFT, brokenBefore: ['n9'] },
    state:
      'done, but for NotReady nodes (4: n1, n2, n3 …), tainted nodes (1: n8) and nodes that were broken before (1: n9)',
  },
  {
    name: 'trust 14: every node has it, and the pods of some are not available any more',
    counts: { ...DONE, unavailable: 2 },
    led: led(),
    state: 'revision 30s old, 2 nodes without an available pod',
  },
  {
    name: 'trust 14: under OTA all pods are marked',
    counts: { ...DONE, strategy: 'OTA', unavailable: 2 },
    state: 'done: all pods are marked',
  },
  { name: 'the newest template is not a revision yet', counts: DONE, block: BEHIND, state: 'blocked' },
  {
    name: 'not confirmed here, but the leader goes on',
    block: STALE,
    led: led(),
    state: 'revision 30s old, about 10s left',
  },
  {
    name: 'a node went away soon after, which only the leader has seen',
    counts: { ...DONE, skippedNotReady: 1 },
    led: led({ failures: { 'node-not-ready': 1 } }),
    state: 'revision 30s old, failed nodes left',
  },
  {
    name: 'trust 14: only those are under way that the leader has seen fail',
    counts: { waiting: 0, inFlight: 3 },
    led: led({ failures: { 'crash-loop': 3 } }),
    state: 'revision 30s old, failed nodes left',
  },
  {
    name: 'trust 14: one is under way beside a node that failed and is away',
    counts: { waiting: 0, inFlight: 1 },
    led: led({ failures: { 'node-not-ready': 1 } }),
    state: 'revision 30s old, about 1s left',
  },
  {
    name: 'so many of them that those that wait are fewer',
    counts: { waiting: 3, inFlight: 0 },
    led: led({ failures: { 'node-not-ready': 5 } }),
    state: 'revision 30s old, about 1s left',
  },
  {
    name: 'some are away, and some have a taint',
    counts: { unavailable: 0, waiting: 0, inFlight: 0 },
    state: 'done, but for NotReady nodes (4: n1, n2, n3 …) and tainted nodes (1: n8)',
  },
  {
    name: 'trust 12: it is paused, and some are in flight or failed',
    counts: { isPaused: true, failed: 4 },
    led: led({ blocked: 'paused by the annotation' }),
    state: 'paused, 390 nodes to go, 100 in flight, 4 failed',
  },
  {
    name: 'trust 12: it is paused, and all is done',
    counts: { ...DONE, isPaused: true },
    state: 'paused, nothing waits',
  },
  {
    name: 'trust 12: it is paused and blocked',
    counts: { ...DONE, isPaused: true },
    block: STALE,
    state: 'paused, nothing waits',
  },
  { name: 'the view is stale', led: led({ blocked: 'stale: nodes' }), state: 'blocked' },
  { name: 'the newest revision is not known', counts: { targetHash: undefined }, state: 'no revision yet' },
  {
    name: 'failed nodes use the budget up',
    counts: { failed: 100 },
    led: led(),
    state: 'revision 30s old, stopped by failed nodes',
  },
  {
    name: 'the leader has seen them fail, and it cannot be seen from here',
    led: led({ failures: { 'not-created': 60, 'stuck-terminating': 40 } }),
    state: 'revision 30s old, stopped by failed nodes',
  },
  {
    name: 'only failed nodes are left',
    counts: { waiting: 0, inFlight: 0, failed: 100 },
    state: 'revision 30s old, failed nodes left',
  },
  {
    name: 'failed nodes use the budget up, and their pods may not be deleted by force',
    counts: { failed: 100 },
    led: led({ refused: 2 }),
    state: 'revision 30s old, stopped by failed nodes, writes are refused',
  },
  {
    name: 'only such nodes are left',
    counts: { waiting: 0, inFlight: 0, failed: 100 },
    led: led({ refused: 2 }),
    state: 'revision 30s old, failed nodes left, writes are refused',
  },
  { name: 'deletions are refused', led: led({ refused: 1 }), state: 'revision 30s old, writes are refused' },
];
for (const { name, counts, block, led: leader, left = LEFT, heldBy, state } of states) {
  test(`state: ${name} → ${state}`, () => {
    const seen = { counts: { ...COUNTS, ...counts }, block, heldBy, left: () => left };
    assert.equal(stateWords(stateOf(seen, leader, undefined), seen.counts, leader, NOW_MS), state);
  });
}

test('warnings: failed, refused and repeated nodes → what is so and where more is told; the leader knows best', () => {
  const leader = led({ failures: { 'not-created': 3 }, refused: 2, repeated: 1 });
  const [failed = '', refused = '', repeated = '', ...others] = warningsOf(
    'edge/agent',
    { causes: { 'crash-loop': 1 }, block: undefined },
    leader,
  );
  assert.match(failed, /^edge\/agent: failed nodes: 3 not-created; "daemonpodupdater plan agent -n edge" and/);
  assert.equal(
    refused,
    'edge/agent: the API server refuses writes to the pods of 2 nodes; the events WriteForbidden and WriteRejected tell why',
  );
  assert.match(repeated, /^edge\/agent: 1 node gets the .* ReplacementRepeated$/);
  assert.deepEqual(others, []);
  assert.match(
    warningsOf('edge/agent', { causes: { 'crash-loop': 1 }, block: undefined }, undefined)[0] ?? '',
    /failed nodes: 1 crash-loop;/,
  );
  assert.deepEqual(warningsOf('edge/agent', { causes: {}, block: undefined }, led()), []);
});

test('trust 14: kubelets refuse pods and end them → their words and how often; of the leader whose failures they are, too', () => {
  const row = (node: string, reason: NodePlan['reason'], trouble?: string, troubleMessage?: string): NodePlan => {
    const told = {
      ...(trouble === undefined ? {} : { trouble }),
      ...(troubleMessage === undefined ? {} : { troubleMessage }),
    };
    return { node, pod: 'agent', revision: 'new', reason, message: '', ...told };
  };
  const failed = [
    row('n1', 'failed', 'Evicted'),
    row('n2', 'failed', 'OutOfcpu', 'cpu, requested: 4000'),
    row('n3', 'failed', 'OutOfcpu', 'cpu, requested: 4001'),
    row('n4', 'failed'),
    row('n5', 'in-flight', 'ErrImagePull'),
  ];
  assert.equal(kubeletWords(failed), 'OutOfcpu on 2 nodes, n2: "cpu, requested: 4000"; Evicted on 1 node');
  assert.equal(kubeletWords(failed.slice(3)), 'ErrImagePull on 1 node');
  assert.equal(kubeletWords([row('n1', 'current'), row('n2', 'update-next', 'Evicted')]), '');
  const many = ['A', 'B', 'C', 'D'].map((word) => row(word, 'failed', word));
  assert.equal(kubeletWords(many), 'A on 1 node; B on 1 node; C on 1 node; …');
  const trouble = { causes: { evicted: 1 }, words: () => 'Evicted on 1 node', block: undefined };
  assert.match(
    warningsOf('edge/agent', trouble, undefined)[0] ?? '',
    /: failed nodes: 1 evicted \(Evicted on 1 node\); /,
  );
  const fail = (): string => assert.fail('nothing failed, so nobody asks');
  assert.deepEqual(warningsOf('edge/agent', { causes: {}, words: fail, block: undefined }, led()), []);
});

test('warnings: refused writes → what, on which nodes, and why', () => {
  const message = 'denied by policy';
  const refusals = [
    { action: 'delete', code: 'rejected', count: 12, nodes: ['n01', 'n02', 'n03'], message },
    { action: 'force-delete', code: 'forbidden', count: 1, nodes: ['n07'], message },
    { action: 'mark', code: 'rejected', count: 2, nodes: ['n08', 'n09'], message },
    // Of a later version, or of somebody who wrote it into the lease.
    { action: 'constructor', code: 'rejected', count: 1, nodes: ['n10'], message },
  ];
  assert.deepEqual(warningsOf('edge/agent', { causes: {}, block: undefined }, led({ refused: 15, refusals })), [
    `edge/agent: the API server refuses to delete the pod on 12 nodes (n01, n02, n03 …), rejected: ${message}`,
    `edge/agent: the API server refuses to delete the stuck pod by force on 1 node (n07), forbidden: ${message}`,
    `edge/agent: the API server refuses to mark the pod on 2 nodes (n08, n09), rejected: ${message}`,
    `edge/agent: the API server refuses constructor on 1 node (n10), rejected: ${message}`,
  ]);
});

test('warnings: what is shown is old, or nobody has read the newest template → why; a word of the leader is not said twice', () => {
  const of = (block: Block, leader?: LedRollout) => warningsOf('edge/agent', { causes: {}, block }, leader);
  assert.deepEqual(of(STALE, led({ blocked: 'stale: nodes' })), [
    'edge/agent: what is shown of it is old: stale: pods',
  ]);
  assert.deepEqual(of(BEHIND, led()), [`edge/agent: nothing new is decided: ${BEHIND.message}`]);
  assert.deepEqual(of(BEHIND, led({ blocked: BEHIND.message })), []);
  assert.deepEqual(of({ code: 'not-synced', message: 'soon' }), []);
});

test('JSON: what only the leader knows → its word, zeros where it said nothing; of a leader that is gone, or not asked → null', () => {
  const refusals = [{ action: 'delete', code: 'rejected', count: 2, nodes: ['n01', 'n02'], message: 'denied' }];
  const troubled = { refused: 2, refusals, repeated: 1, failures: { 'crash-loop': 3 } };
  assert.deepEqual(toldByLeader(led(troubled)), troubled);
  assert.deepEqual(toldByLeader(led()), { refused: 0, refusals: [], repeated: 0, failures: {} });
  const workers = { setting: 2, source: 'flag', wanted: 2, actual: 2, reason: 'set', cpus: 2, decisions: [] };
  const rollouts = [led(troubled) ?? assert.fail()];
  const report = { identity: 'node-a', isLeading: true, workers, lanes: [], rollouts, rolloutsLeftOut: 0 };
  const leader = { ok: true, report, ageMs: 0, isOutdated: false } as const;
  assert.deepEqual(toldByLeader(ledOf(leader, 'edge/agent')), troubled);
  for (const [status, daemonSet] of [
    [leader, 'edge/other'],
    [{ ...leader, isOutdated: true }, 'edge/agent'],
    [{ ok: false, message: 'no lease' }, 'edge/agent'],
  ] as const) {
    assert.equal(toldByLeader(ledOf(status, daemonSet)), null);
  }
});
