import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fatalText } from '../../src/manager/fatal-text.ts';

const rows: { name: string; error: unknown; says: string }[] = [
  {
    name: 'a message',
    error: new Error('cannot listen on :8080: EADDRINUSE'),
    says: 'cannot listen on :8080: EADDRINUSE',
  },
  { name: 'several lines', error: new Error('a\n2026 INFO forged line'), says: 'a 2026 INFO forged line' },
  { name: 'terminal control', error: new Error('a\u001b[2Jb\u009b31mc\u202ed'), says: 'a [2Jb 31mc d' },
  {
    name: 'a token',
    error: new Error('header authorization: Bearer abc.d-e_f refused'),
    says: 'header authorization: Bearer [redacted] refused',
  },
  {
    name: 'a password',
    error: new Error('cannot reach https://me:planted@proxy.test:3128/'),
    says: 'cannot reach https://[redacted]@proxy.test:3128/',
  },
  {
    name: 'a key',
    error: new Error('no key: -----BEGIN EC PRIVATE KEY-----\nMHc\n-----END EC PRIVATE KEY-----'),
    says: 'no key: [redacted]-----END EC PRIVATE KEY-----',
  },
  { name: 'no error at all', error: 'gone\u0007', says: 'gone' },
];
for (const { name, error, says } of rows) {
  test(`fatal error: ${name} → on one line, without control characters and secrets`, () => {
    assert.equal(fatalText(error), says);
  });
}

test('fatal error: very long → cut', () => {
  assert.equal(fatalText(new Error('x'.repeat(10_000))).length, 2000);
});

test('fatal error: a bug → its stack, a line a frame, and nothing else that a terminal obeys', () => {
  const text = fatalText(new TypeError('x is\u001b[31m not a function'));
  const [first = '', second = ''] = text.split('\n');
  assert.equal(first, 'TypeError: x is [31m not a function');
  assert.match(second, /^ {4}at .*fatal-text\.test\.ts:\d+/);
  assert.ok(!text.includes('\u001b'));
});
