import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Delta } from '../../src/cache/delta.ts';
import { Reflector } from '../../src/cache/reflector.ts';
import type { ReflectorProblem } from '../../src/cache/reflector-machine.ts';
import {
  daemonSetSource,
  nodeSource,
  podSource,
  type ResourceSource,
  revisionSource,
} from '../../src/cache/resources.ts';
import { ApiClient } from '../../src/client/api.ts';
import type { ConnectionSource } from '../../src/client/connection-source.ts';
import { loadConnection } from '../../src/client/credentials.ts';
import { parseNode } from '../../src/client/json/node.ts';
import { parsePod } from '../../src/client/json/pod.ts';
import type { RecordResult } from '../../src/client/pod-facts.ts';
import { listRequest, type Selection } from '../../src/client/requests.ts';
import { apiErrorOf } from '../../src/client/status-error.ts';
import { monotonicMs } from '../../src/clock.ts';
import type { ObjectRecord } from '../../src/kube/records.ts';
import { createDaemonSet, createNodes, setImage, waitUntilAvailable } from '../control-plane/cluster.ts';
import { type ControlPlane, startControlPlane } from '../control-plane/control-plane.ts';
import { eventually } from './local-server.ts';
import { deletePodRequest, markPodRequest } from './pod-requests.ts';

const NODES = 20;
const PATIENCE_MS = 120_000;
const AGENT = { namespace: 'default', name: 'agent' };
let plane: ControlPlane;
let source: ConnectionSource;
let client: ApiClient;

before(async () => {
  plane = await startControlPlane({ startupMs: 100 });
  source = await loadConnection({ kubeconfig: plane.adminKubeconfigPath });
  client = new ApiClient({ connection: source.current(), connectionsMax: 4 });
  await createNodes(plane.admin, NODES);
  await createDaemonSet(plane.admin, AGENT);
  await waitUntilAvailable(plane.admin, AGENT, NODES);
});

after(async () => {
  source?.close();
  await client?.close();
  await plane?.stop();
});

interface Followed<T extends ObjectRecord> {
  readonly reflector: Reflector<T>;
  readonly deltas: Delta<T>[];
  readonly problems: ReflectorProblem[];
}

function follow<T extends ObjectRecord>(resource: ResourceSource<T>): Followed<T> {
  const deltas: Delta<T>[] = [];
  const problems: ReflectorProblem[] = [];
  const reflector = new Reflector<T>({
    client,
    resource,
    onDelta: (delta) => deltas.push(delta),
    onSynced: () => {},
    onProblem: (problem) => problems.push(problem),
    random: Math.random,
    now: monotonicMs,
  });
  reflector.start();
  return { reflector, deltas, problems };
}

/** The whole list as JSON, through the JSON parser. */
async function listed<T>(
  selection: Omit<Selection, 'accept'>,
  parse: (json: unknown) => RecordResult<T>,
): Promise<T[]> {
  const query = { limit: 0, continueToken: '', resourceVersion: '', timeoutMs: 10_000 };
  const response = await client.request(listRequest({ ...selection, accept: 'application/json' }, query));
  assert.ok(response.kind === 'answer' && response.status === 200);
  const { items } = JSON.parse(Buffer.from(response.body).toString('utf8')) as { items: unknown[] };
  return items.map((item) => {
    const result = parse(item);
    assert.ok(result.ok);
    return result.record;
  });
}

function byName<T extends ObjectRecord>(records: Iterable<T>): T[] {
  return [...records].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** The list that the store equals; others may write to what is in it (labels of nodes), so the two are looked at again. */
async function sameAsListed<T extends ObjectRecord>(reflector: Reflector<T>, list: () => Promise<T[]>): Promise<T[]> {
  const endsMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const expected = byName(await list());
    const found = byName(reflector.store.values());
    if (isDeepStrictEqual(found, expected)) return expected;
    if (performance.now() > endsMs) assert.deepEqual(found, expected);
    await delay(100);
  }
}

const PODS = { resource: 'pods', namespace: 'default', labelSelector: '' } as const;

test('real API server: pods and nodes in protobuf → the same records as from JSON', async () => {
  const pods = follow(podSource(PODS));
  const nodes = follow(nodeSource());
  await eventually('synced', () => pods.reflector.hasSynced && nodes.reflector.hasSynced, PATIENCE_MS);
  const podsInJson = await sameAsListed(pods.reflector, async () => await listed(PODS, parsePod));
  const allNodes = { resource: 'nodes', namespace: '', labelSelector: '' } as const;
  await sameAsListed(nodes.reflector, async () => await listed(allNodes, parseNode));
  assert.equal(podsInJson.length, NODES);
  assert.ok(podsInJson.every((pod) => pod.isReady && pod.nodeName !== '' && pod.ownerUid !== undefined));
  await Promise.all([pods.reflector.stop(), nodes.reflector.stop()]);
  assert.deepEqual([...pods.problems, ...nodes.problems], []);
});

test('real API server: DaemonSets and revisions → followed; a new template is a new revision', async () => {
  const sets = follow(daemonSetSource({ namespace: '' }));
  const revisions = follow(revisionSource({ namespace: 'default', labelSelector: '' }));
  await eventually('synced', () => sets.reflector.hasSynced && revisions.reflector.hasSynced, PATIENCE_MS);
  assert.equal(revisions.reflector.store.size, 1);
  await setImage(plane.admin, AGENT, 'registry.example/agent:new');
  await eventually('the new revision', () => revisions.reflector.store.size === 2, PATIENCE_MS);
  const owner = sets.reflector.store.get('default', 'agent');
  assert.ok(
    [...revisions.reflector.store.values()].every(({ ownerUid, hash }) => ownerUid === owner?.uid && hash !== ''),
  );
  await eventually(
    'observed',
    () => {
      const now = sets.reflector.store.get('default', 'agent');
      return now !== undefined && now.generation === now.observedGeneration && now.generation > 1;
    },
    PATIENCE_MS,
  );
  await Promise.all([sets.reflector.stop(), revisions.reflector.stop()]);
});

test('real API server: writes → guarded by the UID; the watch tells what they did', async () => {
  const pods = follow(podSource(PODS));
  await eventually('synced', () => pods.reflector.hasSynced, PATIENCE_MS);
  const [first, second] = byName(pods.reflector.store.values());
  assert.ok(first !== undefined && second !== undefined);
  const mark = { namespace: 'default', name: first.name, needsUpgrade: true, hash: 'abc', timeoutMs: 10_000 };
  const lastTransitionTime = '2026-08-01T10:00:00Z';
  const marked = await client.request(markPodRequest({ ...mark, uid: first.uid, lastTransitionTime }));
  assert.equal(marked.kind === 'answer' && marked.status, 200);
  const refused = await client.request(markPodRequest({ ...mark, uid: 'other', lastTransitionTime }));
  assert.ok(refused.kind === 'answer');
  assert.equal(
    apiErrorOf({ ...refused, httpStatus: refused.status, labels: { verb: '', resource: '' } }).code,
    'invalid',
  );
  await eventually(
    'the mark',
    () => pods.reflector.store.get('default', first.name)?.needUpgrade?.status === 'True',
    PATIENCE_MS,
  );

  const target = { namespace: 'default', name: second.name, timeoutMs: 10_000 };
  const conflict = await client.request(deletePodRequest({ ...target, uid: 'other' }));
  assert.equal(conflict.kind === 'answer' && conflict.status, 409);
  const deleted = await client.request(deletePodRequest({ ...target, uid: second.uid }));
  assert.equal(deleted.kind === 'answer' && deleted.status, 200);
  await eventually(
    'the deletion',
    () => pods.deltas.some(({ type, object }) => type === 'deleted' && object.uid === second.uid),
    PATIENCE_MS,
  );
  await pods.reflector.stop();
  assert.deepEqual(pods.problems, []);
});

test('real API server: restarted with a compacted history → everything is followed again, and equal to a list', async () => {
  // kwok forgets a pod whose report was on its way when the API server died, so there is none.
  await waitUntilAvailable(plane.admin, AGENT, NODES);
  const pods = follow(podSource(PODS));
  await eventually('synced', () => pods.reflector.hasSynced, PATIENCE_MS);
  await plane.program('kube-apiserver').stop('SIGKILL', 20_000);
  plane.program('kube-apiserver').start();
  await plane.compact();
  await plane.ready();
  const [victim] = byName(pods.reflector.store.values());
  assert.ok(victim !== undefined);
  const target = { namespace: 'default', name: victim.name, uid: victim.uid, timeoutMs: 10_000 };
  await eventually('deleted', () => pods.problems.length > 0, PATIENCE_MS);
  const deleted = await client.request(deletePodRequest(target));
  assert.equal(deleted.kind === 'answer' && deleted.status, 200);
  const isGone = () => pods.deltas.some(({ type, object }) => type === 'deleted' && object.uid === victim.uid);
  await eventually('the deletion', isGone, PATIENCE_MS);
  await waitUntilAvailable(plane.admin, AGENT, NODES);
  await sameAsListed(pods.reflector, async () => await listed(PODS, parsePod));
  await pods.reflector.stop();
});
