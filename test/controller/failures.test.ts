import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FailureDigest } from '../../src/controller/failure-digest.ts';
import { nodeOfSlot } from '../../src/protocol/slot.ts';
import { budget, node } from '../rollout/records.ts';
import { optedIn, World } from './world.ts';

const DEADLINE_MS = 600_000;
const CRASH = 'CrashLoopBackOff (exit code 1)';

/** A thousand nodes, a hundred allowed, and a version whose pods do not start; every tenth for another reason. */
function badVersion(): World {
  const world = new World(1000);
  world.lead();
  const annotations = budget('100', { 'daemonpodupdater.io/pace': 'max' });
  const key = world.add(optedIn('agent', '100', { annotations }));
  const tasks = world.pump().sort((left, right) => (left.slot < right.slot ? -1 : 1));
  for (const [index, task] of tasks.entries()) {
    world.answer(task, 'done');
    world.deletePod(task);
    const trouble = index % 10 === 0 ? 'ImagePullBackOff' : CRASH;
    world.createPod(key, nodeOfSlot(task.slot), 'new', { isReady: false, trouble });
    world.nowMs += 5;
  }
  return world;
}

/** Lets the controller do what it wants to be woken for, until then. */
function passTime(world: World, untilMs: number): void {
  for (;;) {
    const wakeMs = world.controller.nextWakeMs(world.nowMs);
    if (wakeMs === undefined || wakeMs > untilMs) break;
    world.pump(Math.max(0, wakeMs - world.nowMs));
  }
  world.nowMs = untilMs;
}

function failures(world: World): string[] {
  return world.ports.events.filter(({ reason }) => reason === 'NodeUpdateFailed').map(({ message }) => message);
}

test('failures: a hundred nodes fail for two reasons → two events with counts and names, a line for each node', () => {
  const world = badVersion();
  passTime(world, world.nowMs + 2 * DEADLINE_MS);
  const told = failures(world);
  assert.equal(told.length, 2);
  assert.match(
    told[0] ?? '',
    /^10 nodes failed: the new pod does not become available: ImagePullBackOff \(n0001, n0011, .*, n0091\)$/,
  );
  assert.match(told[1] ?? '', /^90 nodes failed: .*CrashLoopBackOff \(exit code 1\) \(n0002, .* and 80 more\)$/);
  assert.ok(told.every((message) => message.length < 1024));
  const lines = world.ports.logs.filter(({ message }) => message === 'NodeUpdateFailed');
  assert.equal(lines.length, 100);
  assert.deepEqual([lines[0]?.level, lines[0]?.fields.node, lines[0]?.fields.cause], ['warn', 'n0001', 'image-pull']);
  assert.match(String(lines[0]?.fields.detail), /^pod pod-\d+ is not available: ImagePullBackOff \(600 s, progress/);
});

test('failures: what failed keeps its place → nothing else is asked, the metric says why', () => {
  const world = badVersion();
  passTime(world, world.nowMs + 2 * DEADLINE_MS);
  assert.deepEqual(world.held, []);
  const [followed] = world.controller.followed();
  assert.deepEqual([...(followed?.rollout.failures() ?? [])].sort(), [
    ['crash-loop', 90],
    ['image-pull', 10],
  ]);
  assert.deepEqual([followed?.rollout.counts().failed, followed?.rollout.counts().inFlight], [100, 0]);
});

test('failures: a standby says nothing; when it takes over, what still holds is said', () => {
  const world = badVersion();
  world.standBy();
  passTime(world, world.nowMs + 2 * DEADLINE_MS);
  assert.deepEqual(failures(world), []);
  world.lead();
  world.pump();
  assert.deepEqual(
    failures(world).map((message) => message.slice(0, 15)),
    ['10 nodes failed', '90 nodes failed'],
  );
});

test('failures: said, then led by another, then by this one again → what still holds is said again', () => {
  const world = badVersion();
  passTime(world, world.nowMs + 2 * DEADLINE_MS);
  world.standBy();
  world.pump();
  world.lead();
  world.pump();
  assert.equal(failures(world).length, 4);
});

test('failures: events of one reason about different nodes → different topics', () => {
  const world = badVersion();
  passTime(world, world.nowMs + 2 * DEADLINE_MS);
  const topics = world.ports.events.filter(({ reason }) => reason === 'NodeUpdateFailed').map(({ topic }) => topic);
  assert.equal(new Set(topics).size, 2);
});

const failure = { node: 'n1', cause: 'crash-loop', detail: CRASH } as const;

test('failure digest: one after the other → gathered first, then said ever more seldom, with all of them', () => {
  const digest = new FailureDigest();
  const toldAtMs: number[] = [];
  let last = '';
  for (let index = 0; index < 3600; index += 1) {
    const nowMs = index * 1000;
    digest.add({ ...failure, node: `n${index}` }, nowMs);
    for (const sentence of digest.take(nowMs)) {
      toldAtMs.push(nowMs);
      last = sentence;
    }
  }
  assert.deepEqual(toldAtMs, [2000, 62_000, 182_000, 422_000, 902_000, 1_862_000]);
  assert.match(last, /^1863 nodes failed: CrashLoopBackOff \(exit code 1\) \(n0, n1, n10, .* and 1853 more\)$/);
});

test('failure digest: all recover before it is said → nothing is said', () => {
  const digest = new FailureDigest();
  digest.add(failure, 0);
  assert.equal(digest.nextWakeMs, 2000);
  digest.remove('n1');
  assert.equal(digest.nextWakeMs, undefined);
  assert.deepEqual(digest.take(10_000), []);
});

test('trust 14: the kubelets refuse pods, each in its own words → one sentence, with the words of one that still fails', () => {
  const digest = new FailureDigest();
  const refused = { cause: 'not-admitted', detail: 'the kubelet refused the new pod: OutOfcpu' } as const;
  digest.add({ ...refused, node: 'n1', said: 'used: 1' }, 0);
  digest.add({ ...refused, node: 'n2', said: 'used: 2' }, 0);
  const sentence = '2 nodes failed: the kubelet refused the new pod: OutOfcpu (n1, n2)';
  assert.deepEqual(digest.take(10_000), [`${sentence}; the kubelet of n1 says: used: 1`]);
  digest.remove('n1');
  digest.repeat();
  assert.deepEqual(digest.take(20_000), ['1 node failed: the kubelet refused the new pod: OutOfcpu (n2)']);
});

test('failure digest: fails for another reason → counts there', () => {
  const digest = new FailureDigest();
  digest.add(failure, 0);
  digest.add({ ...failure, cause: 'image-pull', detail: 'ErrImagePull' }, 1000);
  assert.deepEqual(digest.take(10_000), ['1 node failed: ErrImagePull (n1)']);
  assert.deepEqual(digest.take(20_000), []);
});

test('failures: a webhook refuses one pod → the event names it, its place goes to the next node, and it is tried again', () => {
  const world = new World(2);
  world.lead();
  const key = world.add(optedIn('agent', '1'));
  const [task] = world.pump();
  assert.ok(task !== undefined);
  world.answer(task, 'rejected', { httpStatus: 422, message: 'denied by policy' });
  const [event] = world.ports.events.filter(({ reason }) => reason === 'WriteRejected');
  assert.equal(event?.message, 'cannot delete pods: denied by policy');
  const [next] = world.pump();
  assert.ok(next !== undefined && next.slot !== task.slot);
  world.replace(next);
  assert.deepEqual(world.pump(), []);
  assert.equal(world.controller.nextWakeMs(world.nowMs), world.nowMs + 1000);
  const [again] = world.pump(1000);
  assert.deepEqual([again?.slot, again?.uid], [task.slot, task.uid]);
  assert.equal(world.counts(key).updated, 1);
});

test('failures: pods that are old again and again → a warning with the node, the times and the wait', () => {
  const world = new World(1);
  world.lead();
  const key = world.add(optedIn('agent', '1'));
  for (let time = 0; time < 2; time += 1) {
    const [task] = world.pump();
    assert.ok(task !== undefined);
    world.answer(task, 'done');
    world.deletePod(task);
    world.createPod(key, nodeOfSlot(task.slot), 'old');
  }
  assert.deepEqual(world.pump(), []);
  const [event] = world.ports.events.filter(({ reason }) => reason === 'ReplacementRepeated');
  assert.deepEqual(
    [event?.type, event?.message],
    [
      'Warning',
      'node n1: its pod was deleted 2 times for revision new, and what came was of another one; the next time is in 10 s',
    ],
  );
  assert.equal(world.pump(10_000).length, 1);
});

test('failures: a node that failed is deleted → no event names it any more, and nothing of it is kept', () => {
  const world = badVersion();
  world.nowMs += DEADLINE_MS;
  world.pump(0);
  assert.equal(world.controller.noticeSizes().failures, 100);
  world.controller.onNode({ type: 'deleted', object: node('n0002') }, world.nowMs);
  passTime(world, world.nowMs + DEADLINE_MS);
  assert.equal(world.controller.noticeSizes().failures, 99);
  assert.equal(failures(world).length, 2);
  assert.ok(failures(world).every((message) => !message.includes('n0002')));
});
