import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TrafficOptions } from '../../src/controller/traffic.ts';
import type { DaemonSetRecord } from '../../src/kube/records.ts';
import { daemonSetKey, nodeOfSlot } from '../../src/protocol/slot.ts';
import { toldLimits } from '../../src/status/plan-limits.ts';
import { statusDocument } from '../../src/status/status-document.ts';
import { optedIn, World } from '../controller/world.ts';
import { budget, node } from '../rollout/records.ts';
import { leaderOf } from './leader.ts';

const NODES = 20;
const MAX = { 'daemonpodupdater.io/pace': 'max' };

interface Held {
  readonly name: string;
  readonly options?: Partial<TrafficOptions>;
  readonly daemonSets?: number;
  readonly nodeCount?: number;
  readonly record: (name: string) => DaemonSetRecord;
  /** What becomes of the leader, besides a first selection. */
  readonly after?: (world: World) => void;
  /** What `status` says of the first DaemonSet, besides what is in flight. */
  readonly codes: readonly string[];
  /** What `plan` says of its nodes, asked by somebody who sees none of what the leader has done. */
  readonly plan: Readonly<Record<string, number>>;
}

const agent =
  (maxUnavailable: string, others: Record<string, string> = {}) =>
  (name: string) =>
    optedIn(name, maxUnavailable, { annotations: budget(maxUnavailable, others) });

const HELD: readonly Held[] = [
  {
    name: 'the budget',
    record: agent('3', MAX),
    codes: ['budget'],
    plan: { 'update-next': 3, 'waiting-budget': 17 },
  },
  {
    name: 'the limit on one DaemonSet',
    options: { maxInFlightPerDaemonSet: 2 },
    record: agent('5', MAX),
    codes: ['max-in-flight-per-daemonset'],
    plan: { 'update-next': 2, 'waiting-max-in-flight-per-daemonset': 18 },
  },
  {
    name: 'the limit over all DaemonSets',
    options: { maxInFlight: 4 },
    daemonSets: 2,
    record: agent('5', MAX),
    codes: ['max-in-flight'],
    plan: { 'update-next': 2, 'waiting-max-in-flight': 18 },
  },
  {
    name: 'the pace',
    nodeCount: 200,
    record: agent('100'),
    codes: ['pace'],
    plan: { 'update-next': 20, 'waiting-window': 180 },
  },
  {
    name: 'refusals',
    record: agent('20', MAX),
    after: (world) => {
      for (const { task } of [...world.held]) world.answer(task, 'forbidden', { httpStatus: 403, message: 'no right' });
      for (let second = 0; second < 3; second++) {
        for (const { task } of [...world.held])
          world.answer(task, 'forbidden', { httpStatus: 403, message: 'no right' });
        world.pump(700);
      }
    },
    codes: ['writes-refused'],
    plan: { backoff: 20 },
  },
  {
    name: 'a pause that only the leader has seen yet',
    record: agent('3', { ...MAX, 'daemonpodupdater.io/paused': 'true' }),
    codes: ['paused'],
    plan: { paused: 20 },
  },
];

for (const { name, options, daemonSets = 1, nodeCount = NODES, record, after, codes, plan } of HELD) {
  test(`trust 14: held by ${name} → status says so, and so does plan, which has it from the leader`, () => {
    const world = new World(nodeCount, options);
    world.lead();
    const names = Array.from({ length: daemonSets }, (_, index) => `agent-${index}`);
    for (const each of names) world.add(record(each));
    world.pump();
    after?.(world);
    const leader = leaderOf(world);
    const { daemonSets: told } = statusDocument(
      { wanted: [...world.controller.followed()], leader, warnings: [] },
      world.nowMs,
    );
    const [first] = told;
    const holding = first?.reasons.filter(({ code }) => code !== 'in-flight').map(({ code }) => code);
    assert.deepEqual([...new Set(holding)], codes);

    const spectator = new World(nodeCount);
    const { annotations } = record('agent-0');
    const { 'daemonpodupdater.io/paused': _, ...unpaused } = annotations;
    const key = spectator.add(optedIn('agent-0', '1', { annotations: unpaused }));
    spectator.pump();
    const nodes = spectator.controller.find(key)?.rollout.plan(spectator.nowMs, toldLimits(leader, key)) ?? [];
    const counted: Record<string, number> = {};
    for (const { reason } of nodes) counted[reason] = (counted[reason] ?? 0) + 1;
    assert.deepEqual(counted, plan);
  });
}

test('trust 14: failed nodes that only the leader has seen → stopped by them, and plan lets nobody go', () => {
  const world = new World(NODES);
  world.lead();
  const record = agent('2', MAX)('agent-0');
  const key = world.add(record);
  for (const task of world.pump()) {
    world.replace(task);
    world.controller.onNode({ type: 'modified', object: node(nodeOfSlot(task.slot), { isReady: false }) }, world.nowMs);
  }
  world.pump();
  const leader = leaderOf(world);
  const wanted = [...world.controller.followed()];
  const [told] = statusDocument({ wanted, leader, warnings: [] }, world.nowMs).daemonSets;
  assert.deepEqual([told?.state, told?.reasons.map(({ code }) => code)], ['stopped', ['failed-nodes']]);

  const spectator = new World(NODES);
  assert.equal(spectator.add(record), daemonSetKey('kube-system', 'agent-0'));
  spectator.pump();
  const nodes = spectator.controller.find(key)?.rollout.plan(spectator.nowMs, toldLimits(leader, key)) ?? [];
  assert.deepEqual([...new Set(nodes.map(({ reason }) => reason))], ['waiting-failed']);
});

test('trust 14: two of three places are failed nodes and one is on its way → the budget holds, and when that one fails too, failed nodes do', () => {
  const world = new World(NODES);
  world.lead();
  const key = world.add(agent('3', MAX)('agent-0'));
  const [first, ...others] = world.pump();
  assert.ok(first !== undefined && others.length === 2);
  const fail = (task: typeof first): void => {
    world.replace(task);
    world.controller.onNode({ type: 'modified', object: node(nodeOfSlot(task.slot), { isReady: false }) }, world.nowMs);
    world.pump();
  };
  const held = () => {
    const wanted = [...world.controller.followed()];
    const [told] = statusDocument({ wanted, leader: leaderOf(world), warnings: [] }, world.nowMs).daemonSets;
    return [told?.state, told?.reasons[0]?.code];
  };
  for (const task of others) fail(task);
  assert.deepEqual(held(), ['progressing', 'budget']);
  fail(first);
  assert.deepEqual(held(), ['stopped', 'failed-nodes']);
  assert.equal(world.counts(key).failed, 3);
});

test('trust 14: pods that only the leader has seen fail, and look as if they were on their way → plan says failed nodes, too', () => {
  const record = agent('2', MAX)('agent-0');
  /** Two pods of the new version that do not start. */
  const make = (): World => {
    const world = new World(NODES);
    world.lead();
    const key = world.add(record);
    for (const task of world.pump()) {
      world.answer(task, 'done');
      world.deletePod(task);
      world.createPod(key, nodeOfSlot(task.slot), 'new', { isReady: false, createdAtMs: world.nowMs });
    }
    world.pump();
    return world;
  };
  const world = make();
  world.pump(601_000);
  const leader = leaderOf(world);
  const spectator = make();
  const key = daemonSetKey('kube-system', 'agent-0');
  const of = (told: Parameters<typeof toldLimits>[0]) => {
    const nodes = spectator.controller.find(key)?.rollout.plan(spectator.nowMs, toldLimits(told, key)) ?? [];
    return [...new Set(nodes.map(({ reason }) => reason))].sort();
  };
  assert.deepEqual(of({ ok: false, message: 'no leader' }), ['in-flight', 'waiting-budget']);
  assert.deepEqual(of(leader), ['in-flight', 'waiting-failed']);
});
