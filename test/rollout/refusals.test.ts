import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { OutcomeCode } from '../../src/protocol/outcome.ts';
import { REFUSED_IN_A_ROW_MAX, Refusals, TRY_EVERY_MS } from '../../src/rollout/refusals.ts';
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
import { ALL } from './scenario-moves.ts';

const ACTIONS = ['delete', 'force-delete', 'mark'] as const;
const OTA = { 'apps.openyurt.io/update-strategy': 'OTA' };
/** The last one that was asked, with all others before any answer, is the first try. */
const AT_ONCE = REFUSED_IN_A_ROW_MAX + 1;
const DENIED = { httpStatus: 422, message: 'denied by policy' };

function answer(action: (typeof ACTIONS)[number] | 'observe', code: OutcomeCode) {
  const task = { slot: slot('n01'), namespace: 'kube-system', pod: 'p', uid: 'u' };
  if (action === 'mark') return outcome({ ...task, action, needsUpgrade: true, hash: 'new' }, code, DENIED);
  return outcome({ ...task, action }, code, DENIED);
}

test('refusals: any sequence → each kind has as much room as its own refusals in a row leave it', () => {
  const arbStep = fc.record({
    action: fc.constantFrom(...ACTIONS),
    code: fc.constantFrom<OutcomeCode>('rejected', 'rejected', 'rejected', 'forbidden', 'done', 'gone', 'unknown'),
    times: fc.integer({ min: 1, max: 12 }),
    isAsked: fc.boolean(),
    afterMs: fc.constantFrom(0, 1, 999, 1000, 5000),
  });
  fc.assert(
    fc.property(fc.array(arbStep, { maxLength: 30 }), (steps) => {
      const refusals = new Refusals();
      const rows = { delete: 0, 'force-delete': 0, mark: 0 };
      const asked: Partial<Record<(typeof ACTIONS)[number], number>> = {};
      let nowMs = T0;
      for (const { action, code, times, isAsked, afterMs } of steps) {
        nowMs += afterMs;
        for (let time = 0; time < times; time += 1) refusals.onOutcome(answer(action, code));
        refusals.onOutcome(answer('observe', 'done'));
        if (code === 'done' || code === 'gone') rows[action] = 0;
        else if (code !== 'unknown') rows[action] += times;
        if (isAsked) refusals.onAsked(action, slot('n02'), nowMs);
        if (isAsked) asked[action] = nowMs;
        for (const each of ACTIONS) {
          const isRefused = rows[each] >= REFUSED_IN_A_ROW_MAX;
          const mustWait = nowMs < (asked[each] ?? -TRY_EVERY_MS) + TRY_EVERY_MS;
          assert.equal(refusals.room(each, nowMs), isRefused ? (mustWait ? 0 : 1) : Number.POSITIVE_INFINITY);
          assert.equal(refusals.mayLeave(each, slot('n01')), !isRefused);
          assert.equal(refusals.mayLeave(each, slot('n02')), !isRefused || asked[each] !== undefined);
        }
      }
    }),
  );
});

test('refusals: somebody of each kind waits → woken at the earliest try, then at the next, then not', () => {
  const refusals = new Refusals();
  for (const [index, action] of ACTIONS.entries()) {
    refusals.onAsked(action, slot('n01'), T0 + index);
    refusals.onHeldBack(action);
  }
  const wakes = [];
  for (let wakeMs = refusals.wakeMs; wakeMs < Number.POSITIVE_INFINITY; wakeMs = refusals.wakeMs) {
    wakes.push(wakeMs);
    refusals.tick(wakeMs);
  }
  assert.deepEqual(wakes, [T0 + 1000, T0 + 1001, T0 + 1002]);
});

/** Answers all that is asked, and may leave, with a refusal, from one wake-up to the next; returns the nodes, by time. */
function refuseAll(
  rollout: Rollout,
  fromMs: number,
  untilMs: number,
): { readonly atMs: number; readonly node: string }[] {
  const tried: { atMs: number; node: string }[] = [];
  let turns = 0;
  for (let nowMs = fromMs; nowMs < untilMs; nowMs = rollout.nextWakeMs() ?? Number.POSITIVE_INFINITY) {
    turns += 1;
    assert.ok(turns < 5000, 'it wakes again and again');
    for (let asked = rollout.select(ALL, nowMs); asked.length > 0; asked = rollout.select(ALL, nowMs)) {
      for (const key of asked) {
        const task = rollout.taskFor(key, nowMs);
        if (task === undefined) continue;
        rollout.onSent(key, nowMs);
        assert.equal(rollout.onOutcome(outcome(task, 'rejected', DENIED), nowMs).then, 'drop');
        tried.push({ atMs: nowMs, node: key.slice(key.lastIndexOf('/') + 1) });
      }
    }
  }
  return tried;
}

test('refusals: all marks → eleven, then one a second, each node once before any comes again; mended → all go', () => {
  const rollout = syncedRollout({ ...cluster(90), daemonSet: daemonSet({ annotations: OTA }) });
  const tried = refuseAll(rollout, T0, T0 + 40_000);
  assert.equal(tried.filter(({ atMs }) => atMs === T0).length, AT_ONCE);
  assert.equal(tried.length, AT_ONCE + 39);
  assert.equal(new Set(tried.map((each) => each.node)).size, tried.length);
  const { refused, waiting, inFlight } = rollout.counts();
  assert.deepEqual({ waiting, inFlight }, { waiting: 90, inFlight: 0 });
  assert.ok(refused > 0 && refused < 90, `${refused}`);
  const plan = rollout.plan(T0 + 39_500);
  const said = (name: string) => plan.find((each) => each.node === name)?.message;
  assert.equal(said('n90'), 'the API server refuses marks; one is tried a second');
  assert.match(said('n01') ?? '', /^the API server refuses marks|^mark was answered rejected: denied by policy/);
  assert.equal(new Set(plan.map(({ reason }) => reason)).size, 1, 'backoff');
  const nowMs = T0 + 40_000;
  const [first, ...others] = rollout.select(ALL, nowMs);
  assert.ok(first !== undefined && others.length === 0);
  assert.equal(Object.values(reasons(rollout, nowMs)).filter((reason) => reason === 'in-flight').length, 1);
  const task = rollout.taskFor(first, nowMs);
  assert.ok(task !== undefined);
  rollout.onSent(first, nowMs);
  rollout.onOutcome(outcome(task, 'done'), nowMs);
  assert.ok(rollout.select(ALL, nowMs).length > 30, 'all that were never tried');
});

test('refusals: marks were asked for before the first was refused → they stay here, and one a second leaves', () => {
  const rollout = syncedRollout({ ...cluster(40), daemonSet: daemonSet({ annotations: OTA }) });
  const asked = rollout.select(ALL, T0);
  assert.equal(asked.length, 40);
  const left = [];
  for (const key of asked) {
    const task = rollout.taskFor(key, T0);
    if (task === undefined) continue;
    rollout.onSent(key, T0);
    rollout.onOutcome(outcome(task, 'forbidden', { httpStatus: 403, retryAfterMs: 30_000 }), T0);
    left.push(key);
  }
  assert.deepEqual(left, [...asked.slice(0, REFUSED_IN_A_ROW_MAX), asked.at(-1)]);
  assert.deepEqual(rollout.select(ALL, T0), [], 'what was taken back is not asked for again at once');
  assert.equal(rollout.nextWakeMs(), T0 + TRY_EVERY_MS);
  assert.equal(rollout.select(ALL, T0 + TRY_EVERY_MS).length, 1);
});

test('refusals: the one mark that is tried is throttled, and the next try is due → it still leaves, by its own backoff', () => {
  const rollout = syncedRollout({ ...cluster(40), daemonSet: daemonSet({ annotations: OTA }) });
  refuseAll(rollout, T0, T0 + 1);
  const answerNext = (nowMs: number) => {
    const [key] = rollout.select(ALL, nowMs);
    const task = key === undefined ? undefined : rollout.taskFor(key, nowMs);
    assert.ok(task !== undefined);
    rollout.onSent(task.slot, nowMs);
    assert.equal(rollout.onOutcome(outcome(task, 'throttled'), nowMs).then, 'retry');
    return task;
  };
  const first = answerNext(T0 + TRY_EVERY_MS);
  const second = answerNext(T0 + 2 * TRY_EVERY_MS);
  assert.notEqual(first.slot, second.slot);
  assert.deepEqual(rollout.taskFor(first.slot, T0 + 2 * TRY_EVERY_MS), first);
});

test('refusals: one mark → 1 s, 2 s, … 60 s; accepted → forgotten, so that a new target waits for nothing', () => {
  const rollout = syncedRollout({ ...cluster(1), daemonSet: daemonSet({ annotations: OTA }) });
  const tried = refuseAll(rollout, T0, T0 + 200_000).map(({ atMs }) => (atMs - T0) / 1000);
  assert.deepEqual(tried, [0, 1, 3, 7, 15, 31, 63, 123, 183]);
  const nowMs = T0 + 243_000;
  const [key] = rollout.select(ALL, nowMs);
  const task = key === undefined ? undefined : rollout.taskFor(key, nowMs);
  assert.ok(task?.action === 'mark');
  rollout.onSent(task.slot, nowMs);
  rollout.onOutcome(outcome(task, 'done'), nowMs);
  const needUpgrade = { status: 'True', message: 'controllerrevision: new' } as const;
  rollout.upsertPod(pod('n01', 'old', { needUpgrade }), nowMs);
  assert.deepEqual(reasons(rollout, nowMs), { n01: 'marked' });
  rollout.upsertRevision(revision('newer', 3), nowMs);
  assert.deepEqual(
    refuseAll(rollout, nowMs, nowMs + 2000).map(({ atMs }) => atMs - nowMs),
    [0, 1000],
  );
});

test('refusals: a mark, and the strategy becomes AdvancedRollingUpdate → the deletion waits for nothing', () => {
  const rollout = syncedRollout({ ...cluster(1), daemonSet: daemonSet({ annotations: OTA }) });
  refuseAll(rollout, T0, T0 + 1);
  assert.deepEqual(rollout.select(ALL, T0 + 1), []);
  rollout.setDaemonSet(daemonSet({ annotations: budget('1'), resourceVersion: '2' }), T0 + 1);
  assert.deepEqual(rollout.select(ALL, T0 + 1), [slot('n01')]);
});

const DUE_MS = T0 + 630_000;

/** Pods of all nodes have been terminating since T0, and may be deleted by force from DUE_MS on. */
function stuckRollout(count: number): Rollout {
  const annotations = budget('1', { 'daemonpodupdater.io/force-delete-stuck': 'true' });
  const rollout = syncedRollout({ ...cluster(count), daemonSet: daemonSet({ annotations }) });
  for (const { nodeName } of cluster(count).pods) {
    rollout.upsertPod(pod(nodeName, 'old', { isTerminating: true, deletionGraceMs: 30_000 }), T0);
  }
  rollout.tick(DUE_MS - 1);
  return rollout;
}

test('refusals: all forced deletions → eleven, then one a second, each pod once before any comes again', () => {
  const rollout = stuckRollout(60);
  const tried = refuseAll(rollout, DUE_MS, DUE_MS + 40_000);
  assert.equal(tried.filter(({ atMs }) => atMs === DUE_MS).length, AT_ONCE);
  assert.equal(tried.length, AT_ONCE + 39);
  assert.equal(new Set(tried.map((each) => each.node)).size, tried.length);
  assert.equal(rollout.counts().failed, 60);
  assert.equal(rollout.counts().refused, AT_ONCE + 39);
  assert.deepEqual(rollout.refusals(), [
    {
      action: 'force-delete',
      code: 'rejected',
      count: AT_ONCE + 39,
      nodes: ['n01', 'n02', 'n03', 'n04', 'n05'],
      message: 'denied by policy',
    },
  ]);
  const untried = rollout.plan(DUE_MS + 39_500).find(({ node: name }) => name === 'n59');
  assert.equal(untried?.reason, 'failed');
  assert.match(untried.message, /\); the API server refuses forced deletions; one is tried a second$/);
});

test('refusals: a forced deletion → counted and told as refused from then on; accepted, or its node away → not any more', () => {
  const rollout = stuckRollout(2);
  assert.deepEqual([rollout.counts().refused, rollout.refusals()], [0, []]);
  const send = (nowMs: number, code: OutcomeCode, message: string) => {
    for (const key of rollout.select(ALL, nowMs)) {
      const task = rollout.taskFor(key, nowMs);
      assert.ok(task?.action === 'force-delete');
      rollout.onSent(key, nowMs);
      rollout.onOutcome(outcome(task, code, { message }), nowMs);
    }
  };
  const told = () => rollout.refusals().map(({ code, nodes, message }) => [code, nodes, message]);
  send(DUE_MS, 'forbidden', 'no right');
  assert.deepEqual(told(), [['forbidden', ['n01', 'n02'], 'no right']]);
  assert.equal(rollout.counts().refused, 2);
  rollout.tick(DUE_MS + 1000);
  assert.equal(rollout.counts().refused, 2, 'though it waits for nothing but to be asked');
  rollout.upsertNode(node('n01', { isReady: false }), DUE_MS + 1000);
  assert.deepEqual(told(), [['forbidden', ['n02'], 'no right']]);
  send(DUE_MS + 1000, 'done', '');
  assert.deepEqual([rollout.counts().refused, told()], [0, []], 'though a finalizer keeps the pod');
  rollout.upsertNode(node('n01'), DUE_MS + 1001);
  assert.deepEqual(told(), [['forbidden', ['n01'], 'no right']]);
});

test('refusals: a forced deletion is asked, sent, put off → the plan says what is done about the failed node', () => {
  const rollout = stuckRollout(1);
  const said = (nowMs: number) => rollout.plan(nowMs)[0]?.message.replace(/^.*\); /, '');
  assert.equal(rollout.plan(DUE_MS)[0]?.message.includes(';'), false, 'nothing yet');
  assert.deepEqual(rollout.select(ALL, DUE_MS), [slot('n01')]);
  assert.equal(said(DUE_MS), 'the forced deletion waits for a worker');
  const task = rollout.taskFor(slot('n01'), DUE_MS);
  assert.ok(task);
  rollout.onSent(slot('n01'), DUE_MS);
  assert.equal(said(DUE_MS), 'the forced deletion is with a worker');
  rollout.onOutcome(outcome(task, 'throttled', { message: 'slow down' }), DUE_MS);
  assert.equal(said(DUE_MS), 'force-delete was answered throttled: slow down');
});

test('refusals: one forced deletion → 1 s, 2 s, … 60 s; the plan says why; the pod is gone → nothing waits', () => {
  const rollout = stuckRollout(1);
  const tried = refuseAll(rollout, DUE_MS, DUE_MS + 200_000).map(({ atMs }) => (atMs - DUE_MS) / 1000);
  assert.deepEqual(tried, [0, 1, 3, 7, 15, 31, 63, 123, 183]);
  const nowMs = DUE_MS + 200_000;
  const [plan] = rollout.plan(nowMs);
  assert.equal(plan?.reason, 'failed');
  assert.match(plan?.message ?? '', /; force-delete was answered rejected: denied by policy \(43 s, then once more\)$/);
  // The node is away meanwhile, and the wait is not longer or shorter for it.
  rollout.upsertNode(node('n01', { isReady: false }), nowMs);
  rollout.upsertNode(node('n01'), nowMs + 1);
  rollout.removePod(pod('n01', 'old', { isTerminating: true }), nowMs + 2);
  assert.equal(rollout.plan(nowMs + 2)[0]?.message.includes('force-delete'), false);
});
