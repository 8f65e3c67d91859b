import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Rollout } from '../../src/rollout/rollout.ts';
import {
  budget,
  cluster,
  daemonSet,
  node,
  outcome,
  pod,
  reasons,
  revision,
  slot,
  syncedRollout,
  T0,
} from './records.ts';
import { ALL, carryOut } from './scenario-moves.ts';

const MIN_MS = 60_000;

/** One node, and pods that come without end. */
class PingPong {
  readonly rollout = syncedRollout({ ...cluster(1) });
  nowMs = T0;
  #uid = 'n01-old';
  #count = 0;
  #revision = 2;

  /** A new template, or an old one again. */
  target(hash: string): void {
    this.#revision += 1;
    this.rollout.upsertRevision(revision(hash, this.#revision), this.nowMs);
  }

  /** Waits until the pod may be deleted, and has it deleted; the next one is of that revision. Returns the wait in seconds. */
  replaceBy(hash: string): number {
    const fromMs = this.nowMs;
    while (this.rollout.select(ALL, this.nowMs).length === 0) {
      const wakeMs = this.rollout.nextWakeMs();
      assert.ok(wakeMs !== undefined && wakeMs > this.nowMs, 'something must be waited for');
      this.nowMs = wakeMs;
    }
    carryOut(this.rollout, 'n01', this.nowMs);
    this.foreignDelete(hash);
    return (this.nowMs - fromMs) / 1000;
  }

  /** Somebody else deletes the pod. */
  foreignDelete(hash: string): void {
    this.rollout.removePod(pod('n01', 'any', { uid: this.#uid }), this.nowMs);
    this.#count += 1;
    this.#uid = `again-${this.#count}`;
    this.rollout.upsertPod(pod('n01', hash, { uid: this.#uid }), this.nowMs);
  }

  /** The pod that is there is of another revision after all. */
  relabel(hash: string): void {
    this.rollout.upsertPod(pod('n01', hash, { uid: this.#uid }), this.nowMs);
  }
}

test('repeats: what comes is old again and again → twice at once, then 10 s, doubling, up to 5 min', () => {
  const game = new PingPong();
  const waits = Array.from({ length: 10 }, () => game.replaceBy('old'));
  assert.deepEqual(waits, [0, 0, 10, 20, 40, 80, 160, 300, 300, 300]);
});

test('repeats: a slot waits → planned and counted so, told once each time, no place taken from others', () => {
  const game = new PingPong();
  for (let time = 0; time < 2; time += 1) game.replaceBy('old');
  assert.deepEqual(reasons(game.rollout, game.nowMs), { n01: 'waiting-repeat' });
  const [plan] = game.rollout.plan(game.nowMs);
  assert.equal(plan?.message, 'its pod was replaced 2 times and is old again (10 s, then once more)');
  const { repeated, waiting, inFlight, unavailable } = game.rollout.counts();
  assert.deepEqual(
    { repeated, waiting, inFlight, unavailable },
    { repeated: 1, waiting: 1, inFlight: 0, unavailable: 0 },
  );
  const told = () => game.rollout.takeNotices().filter(({ type }) => type === 'slot-repeated');
  const notice = { type: 'slot-repeated', slot: slot('n01'), node: 'n01', hash: 'new', count: 2, waitMs: 10_000 };
  assert.deepEqual(told(), [notice]);
  assert.equal(game.rollout.nextWakeMs(), game.nowMs + 10_000);
  assert.equal(game.replaceBy('old'), 10);
  assert.deepEqual(told(), [{ ...notice, count: 3, waitMs: 20_000 }]);
});

test('repeats: rollback, and forward again → at once; only the third round waits', () => {
  const game = new PingPong();
  game.replaceBy('new');
  game.target('old');
  assert.equal(game.replaceBy('old'), 0);
  game.target('new');
  assert.equal(game.replaceBy('new'), 0);
  game.target('old');
  assert.equal(game.replaceBy('old'), 10);
  game.target('new');
  assert.equal(game.replaceBy('new'), 20);
});

test('repeats: a slot waits, and a template that was never tried comes → at once', () => {
  const game = new PingPong();
  for (let time = 0; time < 5; time += 1) game.replaceBy('old');
  game.target('newer');
  assert.equal(game.replaceBy('old'), 0);
  assert.equal(game.replaceBy('old'), 0);
  assert.equal(game.replaceBy('old'), 10);
});

test('repeats: ten minutes without a deletion of ours → the next ones are free again', () => {
  const game = new PingPong();
  for (let time = 0; time < 4; time += 1) game.replaceBy('old');
  game.relabel('new');
  game.nowMs += 10 * MIN_MS;
  game.relabel('old');
  assert.deepEqual([game.replaceBy('old'), game.replaceBy('old'), game.replaceBy('old')], [0, 0, 10]);
});

test('repeats: somebody else deletes the pods → does not count', () => {
  const game = new PingPong();
  for (let time = 0; time < 20; time += 1) game.foreignDelete('old');
  assert.deepEqual([game.replaceBy('old'), game.replaceBy('old'), game.replaceBy('old')], [0, 0, 10]);
});

test('repeats: the node is made anew → nothing is remembered', () => {
  const game = new PingPong();
  for (let time = 0; time < 5; time += 1) game.replaceBy('old');
  game.rollout.removeNode('n01', game.nowMs);
  game.rollout.upsertNode(node('n01'), game.nowMs);
  assert.equal(game.replaceBy('old'), 0);
});

test('repeats: asked for a new target, which is taken back before the deletion leaves → not sent', () => {
  const game = new PingPong();
  for (let time = 0; time < 3; time += 1) game.replaceBy('old');
  const { rollout, nowMs } = game;
  const newer = revision('newer', 9);
  rollout.upsertRevision(newer, nowMs);
  assert.deepEqual(rollout.select(ALL, nowMs), [slot('n01')]);
  rollout.removeRevision(newer, nowMs);
  assert.equal(rollout.taskFor(slot('n01'), nowMs), undefined);
  assert.deepEqual(reasons(rollout, nowMs), { n01: 'waiting-repeat' });
});

/** Has the slot's deletion refused. */
function refuse(rollout: Rollout, name: string, nowMs: number): void {
  const task = rollout.taskFor(slot(name), nowMs);
  assert.ok(task, `no task for ${name}`);
  rollout.onSent(task.slot, nowMs);
  const answer = outcome(task, 'rejected', { httpStatus: 422, message: 'denied by policy' });
  assert.equal(rollout.onOutcome(answer, nowMs).then, 'drop');
}

test('refusals: one pod may not be deleted → its place goes to the next node, it asks again after 1 s, 2 s, … 60 s', () => {
  const rollout = syncedRollout({ ...cluster(3), daemonSet: daemonSet({ annotations: budget('1') }) });
  assert.deepEqual(rollout.select(ALL, T0), [slot('n01')]);
  refuse(rollout, 'n01', T0);
  const { refused, waiting, inFlight } = rollout.counts();
  assert.deepEqual({ refused, waiting, inFlight }, { refused: 1, waiting: 3, inFlight: 0 });
  const [plan] = rollout.plan(T0);
  assert.deepEqual(
    [plan?.reason, plan?.message],
    ['backoff', 'delete was answered rejected: denied by policy (1 s, then once more)'],
  );
  for (const name of ['n02', 'n03']) {
    assert.deepEqual(rollout.select(ALL, T0 + 500), [slot(name)]);
    carryOut(rollout, name, T0 + 500);
    rollout.removePod(pod(name, 'old'), T0 + 500);
    rollout.upsertPod(pod(name, 'new'), T0 + 500);
  }
  let atMs = T0;
  for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
    assert.deepEqual(rollout.select(ALL, atMs + seconds * 1000 - 1), []);
    assert.equal(rollout.nextWakeMs(), atMs + seconds * 1000);
    atMs += seconds * 1000;
    assert.deepEqual(rollout.select(ALL, atMs), [slot('n01')]);
    refuse(rollout, 'n01', atMs);
  }
});

test('refusals: the pod that was refused → comes after all others, even with the lowest deletion cost', () => {
  const { nodes, pods } = cluster(3);
  const cheap = pod('n01', 'old', { deletionCost: -5 });
  const annotations = budget('1');
  const rollout = syncedRollout({ nodes, pods: [cheap, ...pods.slice(1)], daemonSet: daemonSet({ annotations }) });
  rollout.select(ALL, T0);
  refuse(rollout, 'n01', T0);
  assert.deepEqual(rollout.select(ALL, T0 + 5000), [slot('n02')]);
});

test('refusals: the pod is gone and another old one came → goes at once', () => {
  const rollout = syncedRollout({ ...cluster(1) });
  rollout.select(ALL, T0);
  refuse(rollout, 'n01', T0);
  rollout.removePod(pod('n01', 'old'), T0);
  rollout.upsertPod(pod('n01', 'older'), T0);
  assert.deepEqual(rollout.select(ALL, T0), [slot('n01')]);
});

test('refusals: a place is free only within the budget → the retry waits for it', () => {
  const rollout = syncedRollout({ ...cluster(2), daemonSet: daemonSet({ annotations: budget('1') }) });
  rollout.select(ALL, T0);
  refuse(rollout, 'n01', T0);
  rollout.select(ALL, T0);
  carryOut(rollout, 'n02', T0);
  rollout.removePod(pod('n02', 'old'), T0);
  assert.deepEqual(rollout.select(ALL, T0 + 10_000), []);
  assert.equal(reasons(rollout, T0 + 10_000).n01, 'waiting-budget');
});

test('refusals: all are refused → after ten in a row one a second is tried, each node once; one accepted → as before', () => {
  const rollout = syncedRollout({ ...cluster(90), daemonSet: daemonSet({ annotations: budget('3') }) });
  const tried: string[] = [];
  let nowMs = T0;
  for (; nowMs < T0 + 40_000; nowMs = rollout.nextWakeMs() ?? Number.POSITIVE_INFINITY) {
    // Every answer frees a place at once.
    for (let asked = rollout.select(ALL, nowMs); asked.length > 0; asked = rollout.select(ALL, nowMs)) {
      assert.ok(asked.length <= 3);
      for (const key of asked) {
        const name = key.slice(key.lastIndexOf('/') + 1);
        tried.push(name);
        refuse(rollout, name, nowMs);
      }
    }
  }
  // 12 in 4 rounds of 3, then one at each second from 1 to 39.
  assert.equal(tried.length, 12 + 39);
  assert.equal(new Set(tried).size, tried.length);
  const last = rollout.plan(nowMs - 1).find(({ node: name }) => name === 'n90');
  assert.deepEqual(
    [last?.reason, last?.message],
    ['backoff', 'the API server refuses deletions; one is tried a second'],
  );
  assert.equal(rollout.counts().inFlight, 0);
  const [accepted] = rollout.select(ALL, nowMs);
  assert.ok(accepted !== undefined);
  carryOut(rollout, accepted.slice(accepted.lastIndexOf('/') + 1), nowMs);
  assert.equal(rollout.select(ALL, nowMs).length, 2);
});
