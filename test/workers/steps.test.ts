import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Outcome } from '../../src/protocol/outcome.ts';
import { daemonSetKey, slotKey } from '../../src/protocol/slot.ts';
import type { Task } from '../../src/protocol/task.ts';
import { stepRun } from '../../workers/steps/run.ts';
import type { Answer, Finish } from '../../workers/steps/step.ts';
import { WRITES_MAX } from '../../workers/steps/write-pod.ts';

const base = { slot: slotKey(daemonSetKey('shop', 'ds'), 'n1'), namespace: 'shop', pod: 'ds-abc', uid: 'mine' };
const DELETE: Task = { ...base, action: 'delete' };
const FORCE: Task = { ...base, action: 'force-delete' };
const MARK: Task = { ...base, action: 'mark', needsUpgrade: true, hash: 'h2' };
const OBSERVE: Task = { ...base, action: 'observe' };

function http(status: number, rest: { uid?: string; isTerminating?: boolean; retryAfterMs?: number } = {}): Answer {
  const pod = rest.uid === undefined ? undefined : { uid: rest.uid, isTerminating: rest.isTerminating ?? false };
  return { kind: 'answer', status, retryAfterMs: rest.retryAfterMs ?? 0, message: `said ${status}`, pod };
}
const lost: Answer = { kind: 'failure', wasSent: true, message: 'connection lost' };
const refused: Answer = { kind: 'failure', wasSent: false, message: 'connection refused' };

/** Runs a task against scripted answers; the last one repeats. */
function play(task: Task, answers: readonly Answer[], isDryRun = false): { end: Finish; asked: string[] } {
  const run = stepRun(task);
  const asked: string[] = [];
  let effect = run.next({ kind: 'start', isDryRun });
  for (let i = 0; effect.kind !== 'finish'; i++) {
    assert.ok(i < 40, 'a run ends');
    if (effect.kind === 'wait') {
      asked.push(`wait ${effect.durationMs}`);
      effect = run.next({ kind: 'waited' });
      continue;
    }
    asked.push(effect.request);
    const sent = asked.filter((request) => !request.startsWith('wait')).length;
    effect = run.next(answers[Math.min(sent, answers.length) - 1] ?? lost);
  }
  return { end: effect, asked };
}

interface Row {
  readonly name: string;
  readonly task: Task;
  readonly answers: readonly Answer[];
  readonly code: Outcome['code'];
  readonly asked: readonly string[];
  readonly rest?: Partial<Finish>;
}

const rows: Row[] = [
  { name: 'delete, 200', task: DELETE, answers: [http(200)], code: 'done', asked: ['delete'] },
  { name: 'force, 200', task: FORCE, answers: [http(200)], code: 'done', asked: ['force-delete'] },
  { name: 'force, 404', task: FORCE, answers: [http(404)], code: 'gone', asked: ['force-delete'] },
  { name: 'force, lost', task: FORCE, answers: [lost], code: 'unknown', asked: ['force-delete'] },
  { name: 'delete, 202', task: DELETE, answers: [http(202)], code: 'done', asked: ['delete'] },
  { name: 'delete, 404', task: DELETE, answers: [http(404)], code: 'gone', asked: ['delete'] },
  {
    name: 'delete, 409 for another pod',
    task: DELETE,
    answers: [http(409), http(200, { uid: 'other' })],
    code: 'gone',
    asked: ['delete', 'observe'],
  },
  {
    name: 'delete, 409 and then no pod',
    task: DELETE,
    answers: [http(409), http(404)],
    code: 'gone',
    asked: ['delete', 'observe'],
  },
  {
    name: 'delete, one 409 for this pod',
    task: DELETE,
    answers: [http(409), http(200, { uid: 'mine' }), http(200)],
    code: 'done',
    asked: ['delete', 'observe', 'wait 20', 'delete'],
  },
  {
    name: 'delete, 409 and the read is refused',
    task: DELETE,
    answers: [http(409), http(403)],
    code: 'forbidden',
    asked: ['delete', 'observe'],
  },
  {
    name: 'delete, 409 and the read is throttled',
    task: DELETE,
    answers: [http(409), http(429, { retryAfterMs: 1000 })],
    code: 'throttled',
    asked: ['delete', 'observe'],
    rest: { retryAfterMs: 1000 },
  },
  {
    name: 'delete, 409 and the read is lost: nothing was written all the same',
    task: DELETE,
    answers: [http(409), lost],
    code: 'conflict',
    asked: ['delete', 'observe'],
  },
  {
    name: 'delete, 409 and the read holds no pod',
    task: DELETE,
    answers: [http(409), http(200)],
    code: 'conflict',
    asked: ['delete', 'observe'],
  },
  {
    name: 'delete, 429',
    task: DELETE,
    answers: [http(429, { retryAfterMs: 3000 })],
    code: 'throttled',
    asked: ['delete'],
    rest: { retryAfterMs: 3000, httpStatus: 429 },
  },
  { name: 'delete, 429 without a time', task: DELETE, answers: [http(429)], code: 'throttled', asked: ['delete'] },
  {
    name: 'delete, 503 with a time',
    task: DELETE,
    answers: [http(503, { retryAfterMs: 1000 })],
    code: 'throttled',
    asked: ['delete'],
  },
  { name: 'delete, 503 without a time', task: DELETE, answers: [http(503)], code: 'unknown', asked: ['delete'] },
  { name: 'delete, 500', task: DELETE, answers: [http(500)], code: 'unknown', asked: ['delete'] },
  { name: 'delete, 504', task: DELETE, answers: [http(504)], code: 'unknown', asked: ['delete'] },
  { name: 'delete, connection lost', task: DELETE, answers: [lost], code: 'unknown', asked: ['delete'] },
  { name: 'delete, never sent', task: DELETE, answers: [refused], code: 'throttled', asked: ['delete'] },
  { name: 'delete, 401', task: DELETE, answers: [http(401)], code: 'forbidden', asked: ['delete'] },
  { name: 'delete, 403', task: DELETE, answers: [http(403)], code: 'forbidden', asked: ['delete'] },
  { name: 'delete, 400', task: DELETE, answers: [http(400)], code: 'rejected', asked: ['delete'] },
  { name: 'delete, 405', task: DELETE, answers: [http(405)], code: 'rejected', asked: ['delete'] },
  { name: 'delete, 422', task: DELETE, answers: [http(422)], code: 'rejected', asked: ['delete'] },
  { name: 'delete, 302', task: DELETE, answers: [http(302)], code: 'rejected', asked: ['delete'] },
  { name: 'mark, 200', task: MARK, answers: [http(200)], code: 'done', asked: ['mark'] },
  { name: 'mark, 404', task: MARK, answers: [http(404)], code: 'gone', asked: ['mark'] },
  {
    name: 'mark, 422 for another pod',
    task: MARK,
    answers: [http(422), http(200, { uid: 'other' })],
    code: 'gone',
    asked: ['mark', 'observe'],
  },
  {
    name: 'mark, 422 for this pod',
    task: MARK,
    answers: [http(422), http(200, { uid: 'mine' })],
    code: 'rejected',
    asked: ['mark', 'observe'],
    rest: { httpStatus: 422, message: 'said 422' },
  },
  {
    name: 'mark, one 409',
    task: MARK,
    answers: [http(409), http(200, { uid: 'mine' }), http(200)],
    code: 'done',
    asked: ['mark', 'observe', 'wait 20', 'mark'],
  },
  { name: 'mark, 415', task: MARK, answers: [http(415)], code: 'rejected', asked: ['mark'] },
  {
    name: 'observe, terminating',
    task: OBSERVE,
    answers: [http(200, { uid: 'mine', isTerminating: true })],
    code: 'done',
    asked: ['observe'],
    rest: { isTerminating: true },
  },
  {
    name: 'observe, not terminating',
    task: OBSERVE,
    answers: [http(200, { uid: 'mine' })],
    code: 'done',
    asked: ['observe'],
    rest: { isTerminating: false },
  },
  {
    name: 'observe, another pod',
    task: OBSERVE,
    answers: [http(200, { uid: 'other', isTerminating: true })],
    code: 'gone',
    asked: ['observe'],
    rest: { isTerminating: false },
  },
  { name: 'observe, 404', task: OBSERVE, answers: [http(404)], code: 'gone', asked: ['observe'] },
  { name: 'observe, no pod in it', task: OBSERVE, answers: [http(200)], code: 'unknown', asked: ['observe'] },
  { name: 'observe, lost', task: OBSERVE, answers: [lost], code: 'unknown', asked: ['observe'] },
  { name: 'observe, 429', task: OBSERVE, answers: [http(429)], code: 'throttled', asked: ['observe'] },
];
for (const { name, task, answers, code, asked, rest = {} } of rows) {
  test(`steps: ${name} → ${code}`, () => {
    const played = play(task, answers);
    assert.deepEqual(played.asked, asked);
    assert.deepEqual(played.end, { ...played.end, ...rest, code });
  });
}

for (const task of [DELETE, MARK]) {
  test(`steps: ${task.action}, 409 for this pod without end → conflict after ${WRITES_MAX} writes`, () => {
    const answers = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? http(409) : http(200, { uid: 'mine' })));
    const { end, asked } = play(task, answers);
    assert.deepEqual([end.code, end.httpStatus], ['conflict', 409]);
    assert.equal(asked.filter((request) => request === task.action).length, WRITES_MAX);
    assert.deepEqual(
      asked.filter((request) => request.startsWith('wait')),
      ['wait 20', 'wait 40', 'wait 80'],
    );
  });

  test(`steps: ${task.action} as a dry run → nothing is asked`, () => {
    assert.deepEqual(play(task, [], true), { end: { ...play(task, [], true).end, code: 'dry-run' }, asked: [] });
  });

  test(`steps: ${task.action} that may not leave → fenced, or throttled when its time is over`, () => {
    const fenced = stepRun(task);
    fenced.next({ kind: 'start', isDryRun: false });
    assert.equal((fenced.next({ kind: 'fenced' }) as Finish).code, 'fenced');
    const late = stepRun(task);
    late.next({ kind: 'start', isDryRun: false });
    assert.equal((late.next({ kind: 'too-late' }) as Finish).code, 'throttled');
  });
}

test('steps: observe as a dry run → reads, because reading writes nothing', () => {
  assert.equal(play(OBSERVE, [http(200, { uid: 'mine' })], true).end.code, 'done');
});

test('steps: any answers → ends after few requests; done only after a 2xx, and never unknown when every write was refused', () => {
  const answer = fc.oneof(
    fc.record({
      kind: fc.constant('answer' as const),
      status: fc.oneof(fc.constantFrom(200, 404, 409, 422, 429, 503), fc.integer({ min: 100, max: 599 })),
      retryAfterMs: fc.nat({ max: 5000 }),
      message: fc.string(),
      pod: fc.option(fc.record({ uid: fc.constantFrom('mine', 'other'), isTerminating: fc.boolean() }), {
        nil: undefined,
      }),
    }),
    fc.record({ kind: fc.constant('failure' as const), wasSent: fc.boolean(), message: fc.string() }),
  );
  fc.assert(
    fc.property(fc.constantFrom(DELETE, MARK, OBSERVE), fc.array(answer, { minLength: 1 }), (task, answers) => {
      const { end, asked } = play(task, answers);
      const requests = asked.filter((request) => !request.startsWith('wait'));
      assert.ok(requests.length <= 2 * WRITES_MAX);
      const last = answers[Math.min(requests.length, answers.length) - 1] as Answer;
      if (end.code === 'done') assert.ok(last.kind === 'answer' && last.status >= 200 && last.status < 300);
      if (end.code === 'unknown' && task.action !== 'observe') {
        assert.notEqual(requests.at(-1), 'observe', 'a refused write is known not to be applied');
      }
    }),
    { numRuns: 1000 },
  );
});
