import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { RefreshOnRefusal } from '../../src/manager/refresh-on-refusal.ts';

function refusals(refresh: () => Promise<unknown> = async () => {}) {
  const calls: string[] = [];
  const made = new RefreshOnRefusal(
    () => {
      calls.push('refresh');
      return refresh();
    },
    (error) => calls.push(error.message),
  );
  return { made, calls };
}

test('credentials: a lane is answered 401, many times → refreshed once', () => {
  const { made, calls } = refusals();
  for (let i = 0; i < 50; i++) made.onOutcome({ code: 'forbidden', httpStatus: 401 });
  made.onUnauthorized();
  assert.deepEqual(calls, ['refresh']);
});

test('credentials: a lane is answered 403, or not at all → not refreshed', () => {
  const { made, calls } = refusals();
  made.onOutcome({ code: 'forbidden', httpStatus: 403 });
  made.onOutcome({ code: 'unknown', httpStatus: 0 });
  made.onOutcome({ code: 'done', httpStatus: 200 });
  assert.deepEqual(calls, []);
});

test('credentials: the refresh fails → told', async () => {
  const { made, calls } = refusals(async () => {
    throw new Error('no plugin');
  });
  made.onUnauthorized();
  await turn();
  assert.deepEqual(calls, ['refresh', 'no plugin']);
});
