import assert from 'node:assert/strict';
import type { Case } from './suite.ts';
import type { Send } from './target.ts';

interface Row {
  readonly what: string;
  readonly send: Send;
  readonly code: number;
  readonly reason: string;
}

function refusal(title: string, rowsOf: (namespace: string) => readonly Row[]): Case {
  return {
    title,
    run: async (wire) => {
      for (const { what, send, code, reason } of rowsOf(wire.namespace)) {
        const answer = await wire.send(send);
        assert.equal(answer.status, code, `${what}: ${answer.bytes}`);
        assert.equal(answer.json.kind, 'Status', what);
        assert.equal(answer.json.code, code, what);
        assert.equal(answer.json.reason, reason, what);
      }
    },
  };
}

export const REFUSAL_CASES: readonly Case[] = [
  refusal('refusal: nothing is served there → 404 with a Status', (namespace) => [
    { what: 'object', send: { path: `/api/v1/namespaces/${namespace}/pods/missing` }, code: 404, reason: 'NotFound' },
    {
      what: 'daemonset',
      send: { path: `/apis/apps/v1/namespaces/${namespace}/daemonsets/missing` },
      code: 404,
      reason: 'NotFound',
    },
    {
      what: 'namespace of a new object',
      send: { method: 'POST', path: '/api/v1/namespaces/missing/configmaps', body: { metadata: { name: 'a' } } },
      code: 404,
      reason: 'NotFound',
    },
  ]),
  refusal('refusal: a method that a path does not have → 405', (namespace) => [
    {
      what: 'POST to an object',
      send: { method: 'POST', path: `/api/v1/namespaces/${namespace}/pods/a`, body: {} },
      code: 405,
      reason: 'MethodNotAllowed',
    },
    {
      what: 'PUT to a collection',
      send: { method: 'PUT', path: `/api/v1/namespaces/${namespace}/pods`, body: {} },
      code: 405,
      reason: 'MethodNotAllowed',
    },
  ]),
  refusal('refusal: a media type nobody knows → 415 for a body, 406 for an answer', (namespace) => [
    {
      what: 'patch type',
      send: {
        method: 'PATCH',
        path: `/api/v1/namespaces/${namespace}/pods/a`,
        body: {},
        contentType: 'application/unknown-patch+json',
      },
      code: 415,
      reason: 'UnsupportedMediaType',
    },
    {
      what: 'accept',
      send: { path: `/api/v1/namespaces/${namespace}/pods`, accept: 'text/csv' },
      code: 406,
      reason: 'NotAcceptable',
    },
  ]),
  refusal('refusal: a body that is not an object → 400', (namespace) => [
    {
      what: 'not JSON',
      send: { method: 'POST', path: `/api/v1/namespaces/${namespace}/pods`, body: '{"a' },
      code: 400,
      reason: 'BadRequest',
    },
    {
      what: 'another kind',
      send: {
        method: 'POST',
        path: `/api/v1/namespaces/${namespace}/pods`,
        body: { apiVersion: 'v1', kind: 'Node', metadata: { name: 'a' } },
      },
      code: 400,
      reason: 'BadRequest',
    },
  ]),
  refusal('refusal: an object that breaks a rule → 422 Invalid', (namespace) => [
    {
      what: 'no name',
      send: { method: 'POST', path: `/api/v1/namespaces/${namespace}/configmaps`, body: { metadata: {} } },
      code: 422,
      reason: 'Invalid',
    },
    {
      what: 'a selector that does not match',
      send: {
        method: 'POST',
        path: `/apis/apps/v1/namespaces/${namespace}/daemonsets`,
        body: {
          metadata: { name: 'mismatch' },
          spec: {
            selector: { matchLabels: { app: 'a' } },
            template: {
              metadata: { labels: { app: 'b' } },
              spec: { containers: [{ name: 'main', image: 'registry.example/app:v1' }] },
            },
          },
        },
      },
      code: 422,
      reason: 'Invalid',
    },
  ]),
  {
    title: 'refusal: somebody who may not → 403 Forbidden that names verb and resource',
    needs: 'restricted',
    run: async (wire, { restricted }) => {
      const answer = await wire.send({ method: 'DELETE', path: wire.pods('some-pod'), headers: restricted });
      assert.equal(answer.status, 403);
      assert.equal(answer.json.reason, 'Forbidden');
      assert.match(answer.json.message, /cannot delete resource "pods" in API group "" in the namespace/);
    },
  },
];
