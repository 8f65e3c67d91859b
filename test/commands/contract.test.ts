import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NODES_VIEW } from '../../src/controller/view-losses.ts';
import { nodeOfSlot } from '../../src/protocol/slot.ts';
import { schemaFiles } from '../../src/status/documents.ts';
import type { LeaderStatus } from '../../src/status/leader-status.ts';
import { planDocument } from '../../src/status/plan-document.ts';
import { toldLimits } from '../../src/status/plan-limits.ts';
import { ledOf } from '../../src/status/rollout-state.ts';
import { statusDocument } from '../../src/status/status-document.ts';
import { optedIn, World } from '../controller/world.ts';
import { budget, node } from '../rollout/records.ts';
import { documentProblems, schemaText } from './contract.ts';
import { leaderOf } from './leader.ts';

const DEADLINE_MS = 600_000;
const OTA = { 'apps.openyurt.io/update-strategy': 'OTA' };
function documentOf(world: World, leader = leaderOf(world)) {
  const wanted = [...world.controller.followed()];
  return statusDocument({ wanted, leader, warnings: ['something'] }, world.nowMs);
}

function passTime(world: World, untilMs: number): void {
  for (let wakeMs = world.controller.nextWakeMs(world.nowMs); wakeMs !== undefined && wakeMs <= untilMs; ) {
    world.pump(Math.max(0, wakeMs - world.nowMs));
    wakeMs = world.controller.nextWakeMs(world.nowMs);
  }
  world.nowMs = untilMs;
}

/** Five nodes, two allowed. */
function led(annotations: Record<string, string> = budget('2')): World {
  const world = new World(5);
  world.lead();
  world.add(optedIn('agent', '2', { annotations }));
  return world;
}

/** The new version does not start. */
function bad(world: World): World {
  for (const task of world.pump()) {
    world.answer(task, 'done');
    world.deletePod(task);
    const trouble = 'CrashLoopBackOff (exit code 1)';
    const [followed] = world.controller.followed();
    assert.ok(followed !== undefined);
    world.createPod(followed.key, nodeOfSlot(task.slot), 'new', { isReady: false, trouble });
  }
  passTime(world, world.nowMs + DEADLINE_MS + 1000);
  world.pump();
  return world;
}

interface Standing {
  readonly name: string;
  readonly world: () => World;
  readonly leader?: (world: World) => LeaderStatus;
  readonly state: string;
  readonly codes: readonly string[];
  /** `null` if it is not given. */
  readonly etaSeconds?: number;
}

const NO_LEADER: LeaderStatus = { ok: false, message: 'there is no lease' };
const OUTDATED = (world: World): LeaderStatus =>
  ({ ...leaderOf(world), ageMs: 90_000, isOutdated: true }) as LeaderStatus;

const STANDING_BY = (world: World): LeaderStatus => {
  const leader = leaderOf(world);
  return leader.ok ? { ...leader, report: { ...leader.report, isLeading: false } } : leader;
};

const STANDINGS: readonly Standing[] = [
  {
    name: 'pods are being replaced',
    world: () => {
      const world = led();
      world.pump();
      return world;
    },
    state: 'progressing',
    codes: ['budget', 'in-flight'],
  },
  {
    name: 'done',
    world: () => {
      const world = led();
      world.finish();
      return world;
    },
    state: 'done',
    codes: [],
    etaSeconds: 0,
  },
  {
    name: 'done, but for a node that is away and one with a taint',
    world: () => {
      const world = led();
      const tainted = node('n4', { taints: [{ key: 'gpu', value: '', effect: 'NoSchedule' }] });
      world.controller.onNode({ type: 'modified', object: node('n2', { isReady: false }) }, world.nowMs);
      world.controller.onNode({ type: 'modified', object: tainted }, world.nowMs);
      world.finish();
      return world;
    },
    state: 'done',
    codes: ['nodes-not-ready', 'nodes-tainted'],
    etaSeconds: 0,
  },
  { name: 'failed nodes fill the budget', world: () => bad(led()), state: 'stopped', codes: ['failed-nodes'] },
  { name: 'only failed nodes are left', world: () => bad(led(budget('5'))), state: 'failed', codes: ['failed-nodes'] },
  {
    name: 'deletions are refused',
    world: () => {
      const world = led();
      for (const task of world.pump()) world.answer(task, 'forbidden', { httpStatus: 403, message: 'no right' });
      return world;
    },
    state: 'progressing',
    codes: ['writes-refused'],
  },
  {
    name: 'the view is stale',
    world: () => {
      const world = led();
      world.controller.setLosses([{ ...NODES_VIEW, reason: 'failing for 75 s' }]);
      world.pump();
      return world;
    },
    state: 'blocked',
    codes: ['stale'],
  },
  {
    name: 'the newest template has not been seen',
    world: () => {
      const world = led();
      world.apply(optedIn('agent', '2', { generation: 2, observedGeneration: 1 }));
      world.pump();
      return world;
    },
    leader: () => NO_LEADER,
    state: 'blocked',
    codes: ['generation-behind'],
  },
  {
    name: 'paused',
    world: () => {
      const world = led(budget('2', { 'daemonpodupdater.io/paused': 'true' }));
      world.pump();
      return world;
    },
    state: 'paused',
    codes: ['paused'],
  },
  {
    name: 'being deleted',
    world: () => {
      const world = led();
      world.apply(optedIn('agent', '2', { isTerminating: true }));
      world.pump();
      return world;
    },
    state: 'blocked',
    codes: ['terminating'],
  },
  {
    name: 'no revision yet',
    world: () => {
      const world = new World(3);
      world.lead();
      const record = optedIn('agent', '2');
      world.apply(record);
      world.sync(`${record.namespace}/${record.name}` as never);
      world.pump();
      return world;
    },
    state: 'blocked',
    codes: ['no-revision'],
  },
  {
    name: 'OTA, pods are being marked',
    world: () => {
      const world = led(OTA);
      world.pump();
      return world;
    },
    state: 'progressing',
    codes: ['in-flight'],
  },
  {
    name: 'OTA, all are marked',
    world: () => {
      const world = led(OTA);
      for (const task of world.pump()) {
        world.answer(task, 'done');
        world.mark(task);
      }
      return world;
    },
    state: 'done',
    codes: [],
    etaSeconds: 0,
  },
  { name: 'no controller', world: led, leader: () => NO_LEADER, state: 'unknown', codes: ['controller-not-reached'] },
  { name: 'a controller that is gone', world: led, leader: OUTDATED, state: 'unknown', codes: ['controller-outdated'] },
  {
    name: 'a controller that stands by',
    world: led,
    leader: STANDING_BY,
    state: 'unknown',
    codes: ['controller-not-leading'],
  },
  {
    name: 'a controller that does not know of it',
    world: led,
    leader: () => leaderOf(new World(1)),
    state: 'unknown',
    codes: ['controller-silent'],
  },
];

for (const { name, world: make, leader, state, codes, etaSeconds } of STANDINGS) {
  test(`trust 16: status and plan: ${name} → ${state}, by the schema`, () => {
    const world = make();
    const told = leader?.(world) ?? leaderOf(world);
    const document = JSON.parse(JSON.stringify(documentOf(world, told)));
    assert.deepEqual(documentProblems('status', document), []);
    const [only] = document.daemonSets;
    assert.equal(document.apiVersion, 'daemonpodupdater.io/v1alpha1');
    assert.deepEqual([only.namespace, only.name, only.state], ['kube-system', 'agent', state]);
    assert.deepEqual(
      only.reasons.map(({ code }: { code: string }) => code),
      codes,
    );
    assert.equal(only.etaSeconds, etaSeconds ?? null);
    const [followed] = world.controller.followed();
    assert.ok(followed !== undefined);
    const plan = planDocument(followed, toldLimits(told, followed.key), ledOf(told, followed.key), world.nowMs);
    assert.deepEqual(documentProblems('plan', JSON.parse(JSON.stringify(plan))), []);
  });
}

test('trust 16: status: half of the nodes come back at a known rate → seconds until the rest has', () => {
  const world = new World(40);
  world.lead();
  world.add(optedIn('agent', '4'));
  for (let round = 0; round < 5; round++) {
    const tasks = world.pump(1000);
    for (const task of tasks) world.replace(task);
  }
  world.pump(500);
  const [only] = documentOf(world).daemonSets;
  assert.equal(only?.state, 'progressing');
  assert.ok(only.etaSeconds !== null && only.etaSeconds > 0 && Number.isInteger(only.etaSeconds), `${only.etaSeconds}`);
});

test('trust 16: status: several DaemonSets → each with its own state, by the schema', () => {
  const world = led();
  world.finish();
  world.add(optedIn('other', '1'));
  world.pump();
  const document = documentOf(world);
  assert.deepEqual(documentProblems('status', JSON.parse(JSON.stringify(document))), []);
  assert.deepEqual(
    document.daemonSets.map(({ daemonSet, state }) => [daemonSet, state]),
    [
      ['kube-system/agent', 'done'],
      ['kube-system/other', 'progressing'],
    ],
  );
});

test('trust 16: schema: the files in docs → are what the program says of itself; "npm run schema" writes them', () => {
  for (const [name, text] of schemaFiles()) assert.equal(schemaText(name.replace('.json', '')), text, name);
});

test('trust 16: schema: a document that breaks it → said where', () => {
  const world = led();
  const good = JSON.parse(JSON.stringify(documentOf(world)));
  const broken = (change: (document: typeof good) => void): readonly string[] => {
    const document = structuredClone(good);
    change(document);
    return documentProblems('status', document);
  };
  assert.equal(broken((document) => delete document.apiVersion).length, 1);
  assert.equal(broken(({ daemonSets }) => delete daemonSets[0].etaSeconds).length, 1);
  assert.equal(broken(({ daemonSets: [only] }) => Object.assign(only, { state: 'fine' })).length, 1);
  assert.equal(broken(({ daemonSets: [only] }) => Object.assign(only, { notExplained: 1 })).length, 1);
  assert.equal(broken(({ daemonSets: [only] }) => Object.assign(only, { reasons: [{ message: 'x' }] })).length, 1);
});
