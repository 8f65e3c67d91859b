import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { monotonicMs } from '../../src/clock.ts';
import type { Outcome } from '../../src/protocol/outcome.ts';
import { runBatch } from '../../workers/batch.ts';
import { executeTask, type TaskLimits } from '../../workers/execute.ts';
import type { Http, PodRequest } from '../../workers/http.ts';
import { finish } from '../../workers/steps/finish.ts';
import { type Answer, outcomeOf } from '../../workers/steps/step.ts';
import { batchOf, slotOf, taskOf } from '../dispatch/support/slots.ts';

const TASK = taskOf(slotOf('ds', 1));
const OK: Answer = { kind: 'answer', status: 200, retryAfterMs: 0, message: '', pod: undefined };
const CONFLICT: Answer = { ...OK, status: 409 };

function limitsOf(limits: Partial<TaskLimits> = {}): TaskLimits {
  return { writeUntilMs: Number.POSITIVE_INFINITY, taskTimeoutMs: 1000, isDryRun: false, ...limits };
}

/** Time passes when the test says so: a busy machine may take longer than the few milliseconds that matter here. */
function stoppedClock(t: TestContext): { pass(ms: number): void } {
  let nowMs = 1_000_000;
  t.mock.method(process, 'hrtime', () => [Math.floor(nowMs / 1000), (nowMs % 1000) * 1e6]);
  return {
    pass(ms) {
      nowMs += ms;
    },
  };
}

function fakeHttp(
  answer: (request: PodRequest, nth: number) => Answer | Promise<Answer>,
): Http & { sent: PodRequest[] } {
  const sent: PodRequest[] = [];
  return {
    sent,
    async send(request) {
      sent.push(request);
      return answer(request, sent.length);
    },
    setConnection() {},
    useConnections() {},
    async abort() {},
    async close() {},
  };
}

test('execute: an answer → the outcome, with the task it belongs to', async (t) => {
  stoppedClock(t);
  const http = fakeHttp(() => OK);
  const outcome = await executeTask(TASK, http, limitsOf());
  assert.deepEqual(outcome, { ...outcome, slot: TASK.slot, uid: TASK.uid, action: 'delete', code: 'done' });
  assert.equal(http.sent[0]?.timeoutMs, 1000);
});

test('execute: the lease is over before the write → fenced, and nothing is sent', async () => {
  const http = fakeHttp(() => OK);
  const outcome = await executeTask(TASK, http, limitsOf({ writeUntilMs: monotonicMs() - 1 }));
  assert.equal(outcome.code, 'fenced');
  assert.equal(http.sent.length, 0);
});

test('trust 18: the wall clock is past the lease, its own clock is not → fenced, and nothing is sent', async (t) => {
  t.mock.method(Date, 'now', () => 61_000);
  const http = fakeHttp(() => OK);
  const outcome = await executeTask(TASK, http, limitsOf({ writeUntilWallMs: 60_000 }));
  assert.equal(outcome.code, 'fenced');
  assert.equal(http.sent.length, 0);
});

test('trust 18: the machine is suspended in the middle of a task → its next write is fenced', async (t) => {
  let wallMs = 50_000;
  t.mock.method(Date, 'now', () => wallMs);
  const http = fakeHttp(async ({ request, timeoutMs }) => {
    if (request === 'observe') return { ...OK, pod: { uid: TASK.uid, isTerminating: false } };
    assert.ok(timeoutMs <= 10_000, 'no longer than the right to write');
    wallMs = 3_600_000;
    return CONFLICT;
  });
  const outcome = await executeTask(TASK, http, limitsOf({ writeUntilWallMs: 60_000, taskTimeoutMs: 30_000 }));
  assert.equal(outcome.code, 'fenced');
  assert.deepEqual(
    http.sent.map(({ request }) => request),
    ['delete', 'observe'],
  );
});

test('execute: the lease ends while a conflict is looked into → the second write is fenced', async (t) => {
  const clock = stoppedClock(t);
  const writeUntilMs = monotonicMs() + 30;
  const http = fakeHttp(async ({ request }) => {
    if (request === 'delete') return CONFLICT;
    clock.pass(30);
    return { ...OK, pod: { uid: TASK.uid, isTerminating: false } };
  });
  const outcome = await executeTask(TASK, http, limitsOf({ writeUntilMs }));
  assert.equal(outcome.code, 'fenced');
  assert.deepEqual(
    http.sent.map(({ request }) => request),
    ['delete', 'observe'],
  );
});

test('execute: a write that waits for a socket → its time-out ends with the lease, and it counts as fenced', async (t) => {
  const clock = stoppedClock(t);
  const writeUntilMs = monotonicMs() + 20;
  const http = fakeHttp(async ({ timeoutMs }) => {
    assert.equal(timeoutMs, 20);
    clock.pass(20);
    return { kind: 'failure', wasSent: false, message: 'timed out in the queue' };
  });
  assert.equal((await executeTask(TASK, http, limitsOf({ writeUntilMs }))).code, 'fenced');
});

test('execute: conflicts without end → stops when the task is out of time', { timeout: 60_000 }, async () => {
  const http = fakeHttp(({ request }) =>
    request === 'delete' ? CONFLICT : { ...OK, pod: { uid: TASK.uid, isTerminating: false } },
  );
  const outcome = await executeTask(TASK, http, limitsOf({ taskTimeoutMs: 30 }));
  assert.equal(outcome.code, 'throttled');
});

test('execute: a dry run → dry-run, and nothing is sent', async () => {
  const http = fakeHttp(() => OK);
  assert.equal((await executeTask(TASK, http, limitsOf({ isDryRun: true }))).code, 'dry-run');
  assert.equal(http.sent.length, 0);
});

test('execute: a fault in the client → an outcome all the same, unknown once a write may have left', async () => {
  const http = fakeHttp(() => {
    throw new Error('a bug');
  });
  const outcome = await executeTask(TASK, http, limitsOf());
  assert.equal(outcome.code, 'unknown');
  assert.match(outcome.message, /a bug/);
  const observe = await executeTask({ ...TASK, action: 'observe' }, http, limitsOf());
  assert.equal(observe.code, 'throttled');
});

test('batch: a slow task → the outcomes of the others come early, and each comes once', async () => {
  const slow = Promise.withResolvers<Outcome>();
  const early = Promise.withResolvers<void>();
  const tasks = Array.from({ length: 5 }, (_, i) => taskOf(slotOf('ds', i), i === 2 ? 'slow' : 'quick'));
  const outcome = (i: number): Outcome => outcomeOf(tasks[i] ?? TASK, finish('done'), 0);
  const seen: Outcome[] = [];
  const rest = runBatch(
    batchOf(...tasks),
    (task) => (task.pod === 'slow' ? slow.promise : Promise.resolve(outcome(tasks.indexOf(task)))),
    (outcomes) => {
      seen.push(...outcomes);
      early.resolve();
    },
  );
  await early.promise;
  assert.equal(seen.length, 4);
  slow.resolve(outcome(2));
  seen.push(...(await rest));
  assert.deepEqual(new Set(seen.map(({ slot }) => slot)), new Set(tasks.map(({ slot }) => slot)));
  assert.equal(seen.length, 5);
});
