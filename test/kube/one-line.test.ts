import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apiErrorOfStatus } from '../../src/client/status-error.ts';
import { oneLine } from '../../src/kube/one-line.ts';

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

test('API error: the answer quotes the header of the request → not told', () => {
  const nothing = { kind: '', name: '', causes: [], retryAfterSeconds: 0 };
  const { message } = apiErrorOfStatus({ reason: 'Forbidden', code: 403, message: `got Bearer ${TOKEN}`, ...nothing });
  assert.equal(message, 'got Bearer [redacted]');
});
