import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Dispatcher } from 'undici';
import { type ApiResponse, Exchange } from '../../src/client/exchange.ts';
import { monotonicMs } from '../../src/clock.ts';

/** Notes whether it was aborted; the rest is never called here. */
function controllerOf(): { controller: Dispatcher.DispatchController; isAborted(): boolean } {
  let isAborted = false;
  const abort = () => {
    isAborted = true;
  };
  return { controller: { abort } as unknown as Dispatcher.DispatchController, isAborted: () => isAborted };
}

function exchangeOf(timeoutMs: number, settle: (response: ApiResponse) => void): Exchange {
  return new Exchange({ timeoutMs, signal: undefined, shouldReadBody: false, bodyBytesMax: 0, settle });
}

test('exchange: a socket is free after the deadline, before the timer had its turn → not sent', () => {
  const settled: ApiResponse[] = [];
  const exchange = exchangeOf(20, (response) => settled.push(response));
  const untilMs = monotonicMs() + 25;
  while (monotonicMs() < untilMs);
  const { controller, isAborted } = controllerOf();
  exchange.onRequestStart(controller);
  assert.ok(isAborted(), 'it would have been sent');
  assert.deepEqual(settled, [{ kind: 'failure', code: 'timeout', wasSent: false, message: 'no answer within 20 ms' }]);
});

test('trust 18: the machine is suspended while a request waits for a socket → not sent, though its own clock says it is early', (t) => {
  let wallMs = 50_000;
  t.mock.method(Date, 'now', () => wallMs);
  const settled: ApiResponse[] = [];
  const exchange = exchangeOf(10_000, (response) => settled.push(response));
  wallMs += 60_000;
  const { controller, isAborted } = controllerOf();
  exchange.onRequestStart(controller);
  assert.ok(isAborted(), 'it would have been sent');
  assert.equal(settled[0]?.kind === 'failure' && settled[0].wasSent, false);
});

test('exchange: a socket is free before the deadline → sent', () => {
  const settled: ApiResponse[] = [];
  const exchange = exchangeOf(10_000, (response) => settled.push(response));
  const { controller, isAborted } = controllerOf();
  exchange.onRequestStart(controller);
  assert.equal(isAborted(), false);
  assert.deepEqual(settled, []);
  exchange.fail(new Error('end of the test'));
});
