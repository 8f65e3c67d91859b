import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseControllerRevision } from '../../src/client/json/controller-revision.ts';
import { parseDaemonSet } from '../../src/client/json/daemon-set.ts';
import { JsonListReader } from '../../src/client/json/list.ts';
import { parseNode } from '../../src/client/json/node.ts';
import { parsePod } from '../../src/client/json/pod.ts';
import { JsonWatchReader } from '../../src/client/json/watch.ts';
import { templateDigest } from '../../src/kube/template-digest.ts';
import { nodeJson } from './node-objects.ts';
import { podJson } from './pod-objects.ts';

const METADATA = { name: 'agent', namespace: 'edge', uid: 'u1', resourceVersion: '5' };

test('json: DaemonSet with everything → the whole record', () => {
  const template = {
    spec: {
      hostNetwork: true,
      nodeSelector: { pool: 'edge' },
      tolerations: [{ operator: 'Exists' }, { key: 'a', value: 'b', effect: 'NoSchedule' }],
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'k', operator: 'In', values: ['v'] }] }],
          },
        },
      },
    },
  };
  const result = parseDaemonSet({
    metadata: { ...METADATA, generation: 4, annotations: { 'apps.openyurt.io/update-strategy': 'OTA' } },
    spec: {
      updateStrategy: { type: 'OnDelete' },
      minReadySeconds: 7,
      selector: { matchLabels: { app: 'agent' }, matchExpressions: [{ key: 'x', operator: 'Exists' }] },
      template,
    },
    status: { observedGeneration: 3 },
  });
  assert.deepEqual(result, {
    ok: true,
    record: {
      ...METADATA,
      generation: 4,
      observedGeneration: 3,
      createdAtMs: 0,
      annotations: { 'apps.openyurt.io/update-strategy': 'OTA' },
      updateStrategyType: 'OnDelete',
      minReadySeconds: 7,
      selector: { matchLabels: { app: 'agent' }, matchExpressions: [{ key: 'x', operator: 'Exists', values: [] }] },
      placement: {
        nodeName: '',
        nodeSelector: { pool: 'edge' },
        requiredNodeTerms: [{ matchExpressions: [{ key: 'k', operator: 'In', values: ['v'] }], matchFields: [] }],
        tolerations: [
          { key: '', operator: 'Exists', value: '', effect: '' },
          { key: 'a', operator: '', value: 'b', effect: 'NoSchedule' },
        ],
        isHostNetwork: true,
      },
      templateDigest: templateDigest(template),
      isTerminating: false,
    },
  });
});

test('json: DaemonSet with nothing but its identity → defaults', () => {
  const result = parseDaemonSet({ metadata: METADATA, spec: null });
  assert.ok(result.ok);
  assert.equal(result.record.observedGeneration, 0);
  assert.equal(result.record.placement.requiredNodeTerms, undefined);
  assert.deepEqual(result.record.selector, { matchLabels: {}, matchExpressions: [] });
});

for (const [name, json, field] of [
  ['no name', { metadata: { ...METADATA, name: undefined } }, 'metadata.name is missing'],
  ["a '/' in the name", { metadata: { ...METADATA, name: 'a/b' } }, "metadata.name holds a '/'"],
  ['a number as name', { metadata: { ...METADATA, name: 5 } }, 'metadata.name is not a string'],
  [
    'annotations that are a list',
    { metadata: { ...METADATA, annotations: [] } },
    'metadata.annotations is not an object',
  ],
  [
    'an annotation that is a number',
    { metadata: { ...METADATA, annotations: { a: 1 } } },
    'metadata.annotations\\["a"\\] is not a string',
  ],
  [
    'a generation that is text',
    { metadata: { ...METADATA, generation: '4' } },
    'metadata.generation is not an integer',
  ],
  [
    'tolerations that are a map',
    { metadata: METADATA, spec: { template: { spec: { tolerations: {} } } } },
    'tolerations is not a list',
  ],
  ['nothing', undefined, 'the object is not an object'],
] as const) {
  test(`json: DaemonSet with ${name} → malformed, and the field is named`, () => {
    const result = parseDaemonSet(json);
    assert.equal(result.ok, false);
    assert.match(result.ok ? '' : result.message, new RegExp(field));
  });
}

test('json: an item of a list within a list is of another type → its place is named', () => {
  const terms = [{ matchExpressions: [] }, { matchExpressions: [{ values: [] }, { values: ['a', 'b', 3] }] }];
  const nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } };
  const result = parseDaemonSet({
    metadata: METADATA,
    spec: { template: { spec: { affinity: { nodeAffinity } } } },
  });
  const message = result.ok ? '' : result.message;
  assert.match(message, /nodeSelectorTerms\[1\]\.matchExpressions\[1\]\.values\[2\] is not a string$/);
});

test('json: ControllerRevision → owner, revision and hash; of its data only a digest', () => {
  const result = parseControllerRevision({
    metadata: {
      ...METADATA,
      creationTimestamp: '2026-08-01T10:00:00Z',
      labels: { 'controller-revision-hash': '5f887fbb94' },
      ownerReferences: [{ uid: 'x' }, { uid: 'ds', controller: true }],
    },
    revision: 12,
    data: { spec: { template: { $patch: 'replace', spec: { hostNetwork: true } } } },
  });
  assert.deepEqual(result, {
    ok: true,
    record: {
      ...METADATA,
      ownerUid: 'ds',
      revision: 12,
      hash: '5f887fbb94',
      templateDigest: templateDigest({ spec: { hostNetwork: true } }),
      createdAtMs: Date.parse('2026-08-01T10:00:00Z'),
    },
  });
});

test('json: any JSON → a record or malformed, never an exception', () => {
  const shape = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.jsonValue(),
      fc.dictionary(
        fc.constantFrom(
          'metadata',
          'spec',
          'status',
          'name',
          'labels',
          'conditions',
          'ownerReferences',
          'template',
          '__proto__',
        ),
        tie('value'),
      ),
    ),
  })).value;
  fc.assert(
    fc.property(shape, (json) => {
      for (const parse of [parsePod, parseNode, parseDaemonSet, parseControllerRevision]) {
        assert.equal(typeof parse(json).ok, 'boolean');
      }
    }),
    { numRuns: 200 },
  );
});

test('json: list → records and list metadata; unusable objects are left out', () => {
  const reader = new JsonListReader(parsePod);
  const body = JSON.stringify({
    metadata: { resourceVersion: '9', continue: 'more' },
    items: [podJson(), podJson({ name: '' })],
  });
  reader.push(Buffer.from(body.slice(0, 100)));
  reader.push(Buffer.from(body.slice(100)));
  const end = reader.end();
  assert.ok(end.ok);
  assert.equal(end.list.items.length, 1);
  assert.equal(end.list.skipped.length, 1);
  assert.equal(end.list.resourceVersion, '9');
  assert.equal(end.list.continueToken, 'more');
});

for (const body of ['', '{', 'null', '[]', '{"items":5}', '<html>', '{"metadata":{}}']) {
  test(`json: list that is ${JSON.stringify(body)} → malformed`, () => {
    const reader = new JsonListReader(parsePod);
    reader.push(Buffer.from(body));
    assert.equal(reader.end().ok, false);
  });
}

test('json: watch, cut anywhere → the same events', () => {
  const body = Buffer.from(
    [
      { type: 'ADDED', object: nodeJson({ labels: { ä: '✓' } }) },
      { type: 'BOOKMARK', object: { metadata: { resourceVersion: '8' } } },
      { type: 'DELETED', object: nodeJson() },
      { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired' } },
    ]
      .map((event) => `${JSON.stringify(event)}\n`)
      .join(''),
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 400 }), (size) => {
      const reader = new JsonWatchReader(parseNode);
      const types: string[] = [];
      for (let at = 0; at < body.length; at += size) {
        const { events, garbled } = reader.push(body.subarray(at, at + size));
        assert.equal(garbled, undefined);
        types.push(...events.map((event) => event.type));
      }
      assert.deepEqual(types, ['added', 'bookmark', 'deleted', 'error']);
      assert.equal(reader.pendingBytes, 0);
    }),
  );
});

for (const line of [
  '{"type":"ADDED"',
  'null',
  '5',
  '{"type":"OTHER","object":{}}',
  '{"type":"BOOKMARK","object":{}}',
  '<html>',
]) {
  test(`json: watch line ${line} → the events before it count, then malformed`, () => {
    const good = JSON.stringify({ type: 'ADDED', object: podJson() });
    const { events, garbled } = new JsonWatchReader(parsePod).push(Buffer.from(`${good}\n${line}\n`));
    assert.equal(events.length, 1);
    assert.equal(garbled?.code, 'malformed');
  });
}

test('json: watch line that never ends → malformed at 10 MiB, and not slower with every chunk', () => {
  const reader = new JsonWatchReader(parsePod);
  const chunk = Buffer.alloc(256 * 1024, 0x20);
  const usage = process.cpuUsage();
  let pushed = 0;
  while (reader.push(chunk).garbled === undefined) {
    pushed += chunk.length;
    assert.ok(pushed <= 11 * 1024 * 1024);
  }
  assert.ok(pushed >= 9 * 1024 * 1024);
  const { user, system } = process.cpuUsage(usage);
  assert.ok(user + system < 2e6, `${user + system} µs`);
});

test('json: any bytes in a watch → events or malformed, never an exception', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.uint8Array({ maxLength: 60 }),
          fc.json().map((text) => Buffer.from(`${text}\n`)),
        ),
      ),
      (chunks) => {
        const reader = new JsonWatchReader(parsePod);
        for (const chunk of chunks) if (reader.push(chunk).garbled !== undefined) return;
      },
    ),
  );
});
