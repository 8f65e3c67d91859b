import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { apiErrorOf, isVersionTooLarge, retryAfterMsOf } from '../../src/client/status-error.ts';
import { envelope } from './protobuf-encoder.ts';
import { statusBytes } from './status-bytes.ts';

const LABELS = { verb: 'delete', resource: 'pods' };

function error(httpStatus: number, body: unknown, retryAfterMs = 0) {
  const bytes = body instanceof Uint8Array ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  return apiErrorOf({ httpStatus, body: bytes, retryAfterMs, labels: LABELS });
}

for (const [httpStatus, reason, code] of [
  [400, 'BadRequest', 'bad-request'],
  [401, 'Unauthorized', 'unauthorized'],
  [403, 'Forbidden', 'forbidden'],
  [404, 'NotFound', 'not-found'],
  [409, 'Conflict', 'conflict'],
  [409, 'AlreadyExists', 'conflict'],
  [410, 'Expired', 'gone'],
  [410, 'Gone', 'gone'],
  [422, 'Invalid', 'invalid'],
  [429, 'TooManyRequests', 'too-many-requests'],
  [500, 'InternalError', 'internal'],
  [500, 'ServerTimeout', 'timeout'],
  [503, 'ServiceUnavailable', 'unavailable'],
  [504, 'Timeout', 'timeout'],
] as const) {
  test(`status: ${httpStatus} ${reason} → ${code}, as JSON, as protobuf and without a Status`, () => {
    const status = { reason, message: 'said so', code: httpStatus };
    assert.equal(error(httpStatus, { kind: 'Status', ...status }).code, code);
    assert.equal(error(httpStatus, envelope('Status', statusBytes(status))).code, code);
    if (reason !== 'ServerTimeout') assert.equal(error(httpStatus, '').code, code);
  });
}

test('status: 403 → the message names the verb and the resource', () => {
  const { message } = error(403, { kind: 'Status', reason: 'Forbidden', message: 'pods "x" is forbidden' });
  assert.match(message, /delete pods.*RBAC.*pods "x" is forbidden/);
});

test('status: 401 → the message names the credentials', () => {
  assert.match(error(401, '').message, /credentials.*delete pods/);
});

test('status: Retry-After in the header or in the details → the longer one, bounded', () => {
  const status = { kind: 'Status', reason: 'TooManyRequests', details: { retryAfterSeconds: 3 } };
  assert.equal(error(429, status).retryAfterMs, 3000);
  assert.equal(error(429, status, 5000).retryAfterMs, 5000);
  assert.equal(error(429, { ...status, details: { retryAfterSeconds: 1e9 } }).retryAfterMs, 600_000);
  assert.equal(retryAfterMsOf('2'), 2000);
  assert.equal(retryAfterMsOf('Wed, 21 Oct 2026 07:28:00 GMT'), 0);
  assert.equal(retryAfterMsOf(undefined), 0);
});

test('status: a proxy answers with HTML → its text, on one line and short', () => {
  const { code, message } = error(502, `<html><head></head>\n<body>Bad\n Gateway${'x'.repeat(9999)}</body>`);
  assert.equal(code, 'internal');
  assert.match(message, /^not a Kubernetes Status: Bad Gateway/);
  assert.ok(message.length < 300);
});

test('status: control characters in a message → gone', () => {
  const { message } = error(500, { kind: 'Status', message: 'a\u001b[31m\nb\u2028c' });
  assert.equal(message, 'a [31m b c');
});

test('status: too large a resourceVersion → recognised by cause or message', () => {
  const causes = [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }];
  const status = { kind: 'Status', reason: 'Timeout', message: 'x', details: { causes } };
  assert.equal(isVersionTooLarge(error(504, status)), true);
  const bytes = statusBytes({ reason: 'Timeout', message: 'Too large resource version: 9', code: 504 });
  assert.equal(isVersionTooLarge(error(504, envelope('Status', bytes))), true);
  assert.equal(isVersionTooLarge(error(504, { kind: 'Status', reason: 'Timeout' })), false);
});

test('status: any status and any body → an error of bounded length', () => {
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => envelope('Status', bytes)),
    fc.jsonValue().map((json) => Buffer.from(JSON.stringify(json))),
    fc
      .jsonValue()
      .map((json) => Buffer.from(JSON.stringify({ kind: 'Status', reason: json, details: json, code: json }))),
    fc.jsonValue().map((json) => Buffer.from(JSON.stringify({ kind: 'Status', details: { causes: [json, json] } }))),
  );
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 999 }), body, (httpStatus, bytes) => {
      const { message, retryAfterMs, details } = error(httpStatus, bytes);
      assert.ok(message.length <= 1000);
      assert.ok(!/[\p{Cc}\p{Zl}]/u.test(message));
      assert.ok(retryAfterMs >= 0 && retryAfterMs <= 600_000);
      assert.ok(details.causes.length <= 20);
    }),
    { numRuns: 500 },
  );
});
