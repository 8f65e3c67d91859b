import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiErrorOfStatus } from '../../src/client/status-error.ts';
import { clipLine, oneLine } from '../../src/kube/one-line.ts';

const TOKEN = 'eyJhbGciOiJSUzI1NiJ9.planted.secret';

for (const [text, says] of [
  [`denied: Authorization: Bearer ${TOKEN} is not known`, 'denied: Authorization: Bearer [redacted] is not known'],
  [`basic\n\u0000dXNlcjpwYXNz`, 'basic [redacted]'],
  ['see https://user:word@proxy.test/x', 'see https://[redacted]@proxy.test/x'],
  ['-----BEGIN PRIVATE KEY-----\nMIIE', '[redacted]'],
  [
    'Basic authentication is off; a bearer credential is needed',
    'Basic authentication is off; a bearer credential is needed',
  ],
] as const) {
  test(`one line: ${JSON.stringify(text)} → ${says}`, () => assert.equal(oneLine(text, 200), says));
}

test('one line: a secret that is cut in its middle → nothing of it is left', () => {
  for (let max = 10; max < 60; max += 1) {
    assert.doesNotMatch(oneLine(`refused: bearer ${TOKEN}`, max), /eyJ/, `${max} characters`);
  }
});

for (const [text, says] of [
  ['12345', '12345'],
  ['123456', '12345…'],
  ['1234 6', '1234…'],
  [' 12 \n\n 45 ', '12 45'],
  [`1${' '.repeat(2000)}2`, '1…'],
  [`12345${' '.repeat(900)}`, '12345'],
] as const) {
  test(`clip line: ${text.length} characters → "${says}"`, () => assert.equal(clipLine(text, 5), says));
}

test('API error: a webhook says more than is kept → 1,000 characters, the last one a sign that it goes on', () => {
  const nothing = { kind: '', name: '', causes: [], retryAfterSeconds: 0 };
  const of = (message: string) => apiErrorOfStatus({ reason: 'Invalid', code: 422, message, ...nothing }).message;
  assert.equal(of('x'.repeat(1500)), `${'x'.repeat(999)}…`);
  assert.equal(of('x'.repeat(999)), 'x'.repeat(999));
});

test('API error: the answer quotes the header of the request → not told', () => {
  const nothing = { kind: '', name: '', causes: [], retryAfterSeconds: 0 };
  const { message } = apiErrorOfStatus({ reason: 'Forbidden', code: 403, message: `got Bearer ${TOKEN}`, ...nothing });
  assert.equal(message, 'got Bearer [redacted]');
});
