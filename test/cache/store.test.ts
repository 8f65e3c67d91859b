import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSameExceptVersion } from '../../src/cache/same-record.ts';
import { Store } from '../../src/cache/store.ts';
import { parseNode } from '../../src/client/json/node.ts';
import type { NodeRecord } from '../../src/kube/records.ts';
import { type NodeChoice, nodeJson } from '../client/node-objects.ts';

function node(choice: NodeChoice = {}): NodeRecord {
  const result = parseNode(nodeJson(choice));
  assert.ok(result.ok);
  return result.record;
}

for (const [name, choice, isSame] of [
  ['nothing but the version', { resourceVersion: '100' }, true],
  ['readiness', { ready: 'False' }, false],
  ['a label more', { labels: { ...node().labels, a: 'b' } }, false],
  ['a label less', { labels: {} }, false],
  ['another key with as many labels', { labels: { a: '', b: '', c: '' } }, false],
  ['a taint', { taints: [{ key: 'dedicated', value: 'edge', effect: 'NoExecute' }] }, false],
  ['no taints', { taints: [] }, false],
] as const) {
  test(`store: records that differ in ${name} → ${isSame ? 'the same' : 'not the same'}`, () => {
    assert.equal(isSameExceptVersion(node(), node(choice)), isSame);
  });
}

test('store: a heartbeat → no delta, the labels object of before, the version of now', () => {
  const store = new Store<NodeRecord>();
  const first = node();
  store.upsert(first);
  assert.deepEqual(store.upsert(node({ resourceVersion: '100' })), []);
  assert.equal(store.get('', 'edge-0001')?.resourceVersion, '100');
  assert.equal(store.get('', 'edge-0001')?.labels, first.labels);
});

test('store: a change → modified with what was before', () => {
  const store = new Store<NodeRecord>();
  const first = node();
  const second = node({ resourceVersion: '100', ready: 'False' });
  assert.deepEqual(store.upsert(first), [{ type: 'added', object: first }]);
  assert.deepEqual(store.upsert(second), [{ type: 'modified', object: second, previous: first }]);
  assert.equal(store.size, 1);
});

test('store: deletion → the last state; of something else by that name → what the store had', () => {
  const store = new Store<NodeRecord>();
  const first = node();
  const last = node({ resourceVersion: '100', ready: 'False' });
  store.upsert(first);
  assert.deepEqual(store.remove(last), [{ type: 'deleted', object: last }]);
  assert.deepEqual(store.remove(last), []);
  store.upsert(first);
  assert.deepEqual(store.remove(node({ uid: 'other' })), [{ type: 'deleted', object: first }]);
  assert.equal(store.size, 0);
});

test('store: what could not be read before can be → modified, though it had no UID; then another one of that name → another', () => {
  const store = new Store<NodeRecord>();
  const first = node();
  const unread = { ...first, uid: '', resourceVersion: '', unreadable: 'too large' };
  store.keep(first, unread);
  assert.deepEqual(store.upsert(first), [{ type: 'modified', object: first, previous: unread }]);
  const other = node({ uid: 'other' });
  assert.deepEqual(store.upsert(other), [
    { type: 'deleted', object: first },
    { type: 'added', object: other },
  ]);
});
