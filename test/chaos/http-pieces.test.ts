import assert from 'node:assert/strict';
import { test } from 'node:test';
import { breakAnswer, type RequestKind, requestOf } from './http-pieces.ts';

const REQUESTS: readonly { readonly line: string; readonly kind: RequestKind; readonly path: string }[] = [
  { line: 'GET /api/v1/nodes?limit=500', kind: 'list', path: '/api/v1/nodes?' },
  {
    line: 'GET /api/v1/namespaces/a/pods?labelSelector=app%3Dx',
    kind: 'list',
    path: '/api/v1/namespaces/a/pods?app=x',
  },
  { line: 'GET /api/v1/nodes?watch=true&resourceVersion=7', kind: 'watch', path: '/api/v1/nodes?' },
  { line: 'GET /api/v1/namespaces/a/pods/p', kind: 'other', path: '/api/v1/namespaces/a/pods/p' },
  { line: 'DELETE /api/v1/namespaces/a/pods/p', kind: 'deletion', path: '/api/v1/namespaces/a/pods/p' },
  {
    line: 'PUT /apis/coordination.k8s.io/v1/namespaces/a/leases/l',
    kind: 'lease',
    path: '/apis/coordination.k8s.io/v1/namespaces/a/leases/l',
  },
];

for (const { line, kind, path } of REQUESTS) {
  test(`request: ${line} → ${kind}`, () => {
    assert.deepEqual(requestOf(Buffer.from(`${line} HTTP/1.1\r\nhost: a\r\n\r\n`)), { kind, path });
  });
}

test('request: the body of one → none', () => {
  assert.equal(requestOf(Buffer.from('{"kind":"DeleteOptions"}')), undefined);
});

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\n';
const BODY = '{"kind":"Status","metadata":{},"code":200}';

test('answer: garbled body → the head is whole, the body is not, nothing is longer or shorter', () => {
  const whole = Buffer.from(HEAD + BODY);
  const broken = breakAnswer(whole, 'garble-body');
  assert.equal(broken?.length, whole.length);
  assert.equal(broken?.toString('latin1', 0, HEAD.length), HEAD);
  assert.equal(broken?.[HEAD.length], 0xff);
  assert.equal(whole.toString('latin1'), HEAD + BODY);
});

test('answer: garbled body in chunks, after its head or apart from it → the chunk keeps its length', () => {
  const chunked = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';
  const chunk = `2a\r\n${BODY}\r\n`;
  for (const head of [chunked, '']) {
    const broken = breakAnswer(Buffer.from(head + chunk), 'garble-body');
    assert.equal(broken?.toString('latin1', 0, head.length + 4), `${head}2a\r\n`);
    assert.equal(broken?.[head.length + 4], 0xff);
  }
});

test('answer: a head alone → its body cannot be broken yet', () => {
  assert.equal(breakAnswer(Buffer.from(HEAD), 'garble-body'), undefined);
});

test('answer: garbled head → not HTTP any more; truncated → its first half', () => {
  const whole = Buffer.from(HEAD + BODY);
  assert.doesNotMatch(breakAnswer(whole, 'garble-head')?.toString('latin1') ?? '', /^HTTP/);
  assert.equal(breakAnswer(whole, 'truncate')?.length, Math.ceil(whole.length / 2));
});
