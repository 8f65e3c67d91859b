import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { keyOf, type SimObject, withMetadata } from '../../src/simulator/objects.ts';
import { Store } from '../../src/simulator/store.ts';
import { AGENT, createWorld, podOn, record, run, send } from './support.ts';

function object(name: string, value = 0): SimObject {
  const metadata = { name, namespace: 'n', uid: name, resourceVersion: '', creationTimestamp: '' };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, value };
}

type Action = { readonly verb: 'put' | 'remove'; readonly name: string; readonly value: number };

const actions = fc.array(
  fc.record<Action>({
    verb: fc.constantFrom('put', 'put', 'remove'),
    name: fc.constantFrom('a', 'b', 'c', 'd'),
    value: fc.nat({ max: 3 }),
  }),
  { maxLength: 40 },
);

function apply(store: Store, { verb, name, value }: Action): void {
  const present = store.get('configmaps', `n/${name}`);
  if (verb === 'remove') {
    if (present !== undefined) store.remove('configmaps', `n/${name}`, 'test');
  } else if (present === undefined) store.create('configmaps', object(name, value), 'test');
  else store.update('configmaps', { ...present, value }, 'test');
}

test('store: any changes → a snapshot of any kept revision is what was there then', () => {
  fc.assert(
    fc.property(actions, (list) => {
      const store = new Store();
      const states: { revision: number; objects: readonly SimObject[] }[] = [];
      for (const action of list) {
        apply(store, action);
        const objects = [...store.all('configmaps')].sort((left, right) => (keyOf(left) < keyOf(right) ? -1 : 1));
        states.push({ revision: store.revision, objects });
      }
      for (const { revision, objects } of states) {
        assert.deepEqual(store.snapshot('configmaps', revision).objects, objects);
      }
    }),
  );
});

test('store: any changes → the commits after a snapshot, applied to it, give the present', () => {
  fc.assert(
    fc.property(actions, fc.nat(), (list, at) => {
      const store = new Store();
      store.create('configmaps', object('first'), 'test');
      const from: number[] = [];
      for (const action of list) {
        from.push(store.revision);
        apply(store, action);
      }
      const revision = from[at % Math.max(1, from.length)] ?? store.revision;
      const state = new Map(store.snapshot('configmaps', revision).objects.map((one) => [keyOf(one), one]));
      let last = revision;
      for (const commit of store.commitsAfter('configmaps', revision)) {
        assert.ok(commit.revision > last);
        last = commit.revision;
        if (commit.type === 'DELETED') state.delete(keyOf(commit.object));
        else state.set(keyOf(commit.object), commit.object);
      }
      assert.deepEqual(new Map([...store.all('configmaps')].map((one) => [keyOf(one), one])), state);
    }),
  );
});

test('store: an update that changes nothing → no new revision', () => {
  const store = new Store();
  const created = store.create('configmaps', object('a', 1), 'test');
  assert.equal(store.update('configmaps', withMetadata({ ...created, value: 1 }, {}), 'test'), created);
  assert.equal(String(store.revision), created.metadata.resourceVersion);
});

test('store: more history than is kept → the oldest part is forgotten, the newest served', () => {
  const store = new Store(10);
  const created = store.create('configmaps', object('a', 0), 'test');
  for (let value = 1; value <= 50; value += 1) store.update('configmaps', { ...created, value }, 'test');
  assert.equal(store.isRevisionKept('configmaps', Number(created.metadata.resourceVersion)), false);
  assert.equal(store.commitsAfter('configmaps', store.revision - 5).length, 5);
});

test('watch: compacted revision → one ERROR 410, then the end; the present revision → goes on', () => {
  const cluster = createWorld();
  const { revision } = cluster.store;
  cluster.updateTemplate(AGENT, 'registry.example/agent:v9');
  cluster.store.compact(cluster.store.revision);
  const late = record(cluster, `/api/v1/pods?watch=true&resourceVersion=${revision}`);
  assert.deepEqual([late.events.map(({ type }) => type), late.isEnded], [['ERROR'], true]);
  assert.equal(late.events[0]?.object.code, 410);
  const fresh = record(cluster, `/api/v1/pods?watch=true&resourceVersion=${cluster.store.revision}`);
  cluster.deletePodAsUser(`default/${podOn(cluster, 'n0').metadata.name}`);
  assert.deepEqual([fresh.events.map(({ type }) => type), fresh.isEnded], [['MODIFIED'], false]);
});

test('watch: bookmarks asked for → one a minute with the present revision; not asked for → none', () => {
  const cluster = createWorld();
  const asked = record(
    cluster,
    `/api/v1/nodes?watch=true&allowWatchBookmarks=true&resourceVersion=${cluster.store.revision}`,
  );
  const plain = record(cluster, `/api/v1/nodes?watch=true&resourceVersion=${cluster.store.revision}`);
  run(cluster, 125_000);
  assert.deepEqual(
    asked.events.map(({ type }) => type),
    ['BOOKMARK', 'BOOKMARK'],
  );
  assert.equal(asked.events[1]?.object.metadata.resourceVersion, String(cluster.store.revision));
  assert.deepEqual(plain.events, []);
});

test('watch: timeoutSeconds → ended then; the server restarts → ended at once', () => {
  const cluster = createWorld();
  const short = record(cluster, '/api/v1/nodes?watch=true&timeoutSeconds=10');
  const long = record(cluster, '/api/v1/nodes?watch=true&timeoutSeconds=1000');
  run(cluster, 9_999);
  assert.equal(short.isEnded, false);
  run(cluster, 1);
  assert.deepEqual([short.isEnded, long.isEnded], [true, false]);
  cluster.api.endWatches();
  assert.equal(long.isEnded, true);
  assert.equal(cluster.api.openWatches, 0);
});

test('list: pages while pods come and go → the snapshot of the first page', () => {
  const cluster = createWorld({ nodes: 25 });
  const names = [...cluster.store.all('pods')].map((pod) => pod.metadata.name).sort();
  const found: string[] = [];
  let token: string | undefined = '';
  while (token !== undefined) {
    const query: string = `limit=7${token === '' ? '' : `&continue=${token}`}`;
    const page = send(cluster, { url: `/api/v1/pods?${query}` });
    assert(page.kind === 'list');
    found.push(...page.list.items.map((item) => item.metadata.name));
    token = page.list.metadata.continue;
    cluster.deletePodAsUser(`default/${names.at(-1 - found.length)}`, 0);
    run(cluster, 1000);
  }
  assert.deepEqual(found, names);
});
