import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainConnection } from '../../src/protocol/connection.ts';
import { encodeMessage, encodeWatchFrame, envelop } from '../../src/simulator/protobuf-encoder.ts';
import type { Simulator } from '../../src/simulator/start.ts';
import { SpoilingProxy } from './proxy.ts';
import { assertClean, type Diary, eventually, kubeconfig, rolledOut, simulator, startUpdater } from './support.ts';
import { view } from './view-commands.ts';

interface SeenEvent {
  readonly type: string;
  readonly reason: string;
  readonly note: string;
  readonly regarding: { readonly kind: string; readonly name: string };
}

/** The Events that the cluster has. */
async function eventsIn(cluster: Simulator): Promise<SeenEvent[]> {
  const answer = await fetch(`${cluster.url}/apis/events.k8s.io/v1/namespaces/default/events`);
  assert.equal(answer.status, 200);
  return ((await answer.json()) as { items: SeenEvent[] }).items;
}

async function warning(cluster: Simulator, reason: string): Promise<SeenEvent> {
  let found: SeenEvent | undefined;
  await eventually(`an event ${reason}`, async () => {
    found = (await eventsIn(cluster)).find((event) => event.reason === reason);
    return found !== undefined;
  });
  assert.ok(found !== undefined);
  assert.equal(found.type, 'Warning');
  assert.deepEqual([found.regarding.kind, found.regarding.name], ['DaemonSet', 'agent']);
  return found;
}

const STRATEGY = 'apps.openyurt.io/update-strategy';
const MAX_UNAVAILABLE = 'apps.openyurt.io/max-unavailable';

for (const value of ['many', '-3', '120%', '0', '0%']) {
  test(`bad input: max-unavailable ${value} → a Warning on the DaemonSet, 10 % is used`, async (t) => {
    const cluster = await simulator(t, { scenario: { nodes: 30, startupMs: 300, maxUnavailable: '50%' } });
    await cluster.control.annotateDaemonSet('default/agent', { [MAX_UNAVAILABLE]: value });
    await startUpdater(t, cluster);
    const { note } = await warning(cluster, 'BadAnnotation');
    assert.ok(note.includes(MAX_UNAVAILABLE) && note.includes(value) && note.includes('10% is used'), note);
    await cluster.control.startRollout();
    const report = await rolledOut(cluster);
    assert.deepEqual([report.violations, report.deletes], [[], 30]);
    assert.ok((report.daemonSets[0]?.peakOverall ?? 99) <= 3, JSON.stringify(report.daemonSets));
  });
}

test('trust 10: max-unavailable 0 and slips of the pen → an event and a warning of `status` each, with what is meant', async (t) => {
  const cluster = await simulator(t, { scenario: { nodes: 2, daemonSets: 2 } });
  const config = await kubeconfig(t, cluster.url);
  const slips = { 'daemonpodupdater.io/pausd': 'true', 'apps.openyurt.io/max-unavailabe': '1' };
  await cluster.control.annotateDaemonSet('default/agent', { [MAX_UNAVAILABLE]: '0', ...slips });
  await startUpdater(t, cluster);
  const says = [
    /max-unavailable: "0" does not hold the rollout, 10% is used; to hold it, set daemonpodupdater.io\/paused to "true"/,
    /daemonpodupdater.io\/pausd: it is not known and has no effect; did you mean daemonpodupdater.io\/paused\?/,
    /max-unavailabe: it is not known and has no effect; did you mean apps.openyurt.io\/max-unavailable\?/,
  ];
  const told = async () => (await eventsIn(cluster)).filter(({ reason }) => reason === 'BadAnnotation');
  await eventually('three events', async () => (await told()).length >= says.length);
  const notes = (await told()).map(({ note }) => note);
  assert.equal(notes.length, says.length);
  const { code, stdout, stderr } = await view(['status', '--kubeconfig', config]);
  assert.equal(code, 0, stderr);
  const lines = stdout.split('\n').filter((line) => line.startsWith('warning: default/agent: annotation '));
  assert.equal(lines.length, says.length, stdout);
  for (const each of says)
    assert.ok(notes.some((note) => each.test(note)) && lines.some((line) => each.test(line)), `${each}`);
});

test('bad input: an unknown strategy, then none → a Warning, nothing is written; corrected → it is rolled out', async (t) => {
  const cluster = await simulator(t, { scenario: { nodes: 10, startupMs: 300, maxUnavailable: '5' } });
  const { updater } = await startUpdater(t, cluster);
  await cluster.control.annotateDaemonSet('default/agent', { [STRATEGY]: 'BlueGreen' });
  await cluster.control.startRollout();
  const { note } = await warning(cluster, 'UnknownUpdateStrategy');
  assert.match(note, /BlueGreen.*use OTA or AdvancedRollingUpdate/);
  assert.deepEqual([...updater.host.controller.followed()], []);
  assert.equal((await cluster.control.report()).deletes, 0);
  await cluster.control.annotateDaemonSet('default/agent', { [STRATEGY]: 'AdvancedRollingUpdate' });
  const report = await rolledOut(cluster);
  assertClean(report);
  assert.equal(report.deletes, 10);
});

test('bad input: opted in, but RollingUpdate → a Warning, left to Kubernetes', async (t) => {
  const cluster = await simulator(t, { scenario: { nodes: 5, strategy: 'RollingUpdate' } });
  await cluster.control.annotateDaemonSet('default/agent', { [STRATEGY]: 'AdvancedRollingUpdate' });
  const started = startUpdater(t, { ...cluster, daemonSets: [] });
  const { note } = await warning(cluster, 'NotOnDelete');
  assert.match(note, /RollingUpdate.*set it to OnDelete/);
  await started;
  await cluster.control.startRollout();
  assert.equal((await rolledOut(cluster)).deletes, 0);
});

function protobufEvent(type: string, object: { apiVersion: string; kind: string } & Record<string, unknown>): Buffer {
  return encodeWatchFrame(type, envelop(object, encodeMessage(object)));
}

function frameOf(bytes: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(bytes.length, 0);
  return Buffer.concat([head, bytes]);
}

interface Spoiling {
  readonly name: string;
  /** Part of the watch's URL. */
  readonly watch: string;
  readonly stream: string;
  readonly bytes: Buffer | undefined;
  readonly says: RegExp;
}

const spoilings: readonly Spoiling[] = [
  {
    name: 'a line of pods that is no frame',
    watch: '/pods?',
    stream: 'pods of default/agent',
    bytes: Buffer.from('{"type":"ADDED"}\n'),
    says: /object has \d+ bytes/,
  },
  {
    name: 'a frame of nodes that is garbled',
    watch: '/nodes?',
    stream: 'nodes',
    bytes: frameOf(Buffer.alloc(40, 0xff)),
    says: /./,
  },
  {
    name: 'a line of DaemonSets that is no JSON',
    watch: '/daemonsets?',
    stream: 'daemonsets',
    bytes: Buffer.from('{"type":"MODIFIED","object":{"metad\n'),
    says: /JSON/,
  },
  {
    name: 'an event of pods that is cut in the middle',
    watch: '/pods?',
    stream: 'pods of default/agent',
    bytes: undefined,
    says: /cut in the middle of an event/,
  },
];

function streamsOf({ problems }: Diary): string[] {
  return [...new Set(problems.map(({ stream }) => stream))];
}

for (const { name, watch, stream, bytes, says } of spoilings) {
  test(`bad input: ${name} → that stream starts again where it was, no other does, and it is not listed`, async (t) => {
    const cluster = await simulator(t, { scenario: { nodes: 20, startupMs: 300, maxUnavailable: '5' } });
    const proxy = await SpoilingProxy.open(t, cluster.url);
    const { diary } = await startUpdater(t, cluster, { connection: plainConnection(proxy.url) });
    await eventually('all four watches are open', () => proxy.watches.size === 4);
    const lists = proxy.listRequests('');
    const target = proxy.find(watch);
    assert.ok(target !== undefined, [...proxy.watches].map(({ url }) => url).join('\n'));
    if (bytes === undefined) {
      target.inject(Buffer.from([0, 0, 1]));
      target.end();
    } else target.inject(bytes);
    await eventually('the stream is opened again', () => proxy.watchRequests(watch) === 2);
    assert.deepEqual(streamsOf(diary), [stream]);
    assert.match(diary.problems[0]?.problem.message ?? '', says);
    await cluster.control.startRollout();
    const report = await rolledOut(cluster);
    assertClean(report);
    assert.equal(report.deletes, 20);
    // The stream again; and for the new template its ControllerRevisions are listed and watched anew.
    assert.equal(proxy.requests.filter((line) => line.startsWith('GET')).length, 4 + lists + 1 + 2);
  });
}

test('bad input: nodes and pods that break a key, objects without fields → left out, the rollout goes on', async (t) => {
  const cluster = await simulator(t, { scenario: { nodes: 20, startupMs: 300, maxUnavailable: '5' } });
  const proxy = await SpoilingProxy.open(t, cluster.url);
  const { updater, diary } = await startUpdater(t, cluster, { connection: plainConnection(proxy.url) });
  await eventually('all four watches are open', () => proxy.watches.size === 4);
  const { revision } = await cluster.control.statistics();
  const metadata = { uid: 'u', resourceVersion: String(revision), creationTimestamp: '2026-01-01T00:00:00Z' };
  const nodes = proxy.find('/nodes?');
  const pods = proxy.find('/pods?');
  const daemonSets = proxy.find('/daemonsets?');
  assert.ok(nodes && pods && daemonSets);
  const badNodes = ['default/agent', '', '../..', 'n'.repeat(300)];
  for (const name of badNodes) {
    nodes.inject(protobufEvent('ADDED', { apiVersion: 'v1', kind: 'Node', metadata: { ...metadata, name } }));
  }
  nodes.inject(protobufEvent('ADDED', { apiVersion: 'v1', kind: 'Node' }));
  const owner = { apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'agent', uid: 'u', controller: true };
  const pod = { ...metadata, name: 'odd', namespace: 'default', ownerReferences: [owner] };
  for (const object of [
    { metadata: { ...pod, name: 'a/b' } },
    { metadata: pod, spec: { nodeName: 'a/b' } },
    { metadata: { ...pod, namespace: '' } },
    {},
  ]) {
    pods.inject(protobufEvent('ADDED', { apiVersion: 'v1', kind: 'Pod', ...object }));
  }
  for (const object of [{}, { metadata: { ...metadata, name: 'x/y', namespace: 'default' } }, { metadata: null }, 7]) {
    daemonSets.inject(Buffer.from(`${JSON.stringify({ type: 'ADDED', object })}\n`));
  }
  await eventually('all are left out', () => diary.problems.length >= badNodes.length + 1 + 4 + 4);
  assert.ok(
    diary.problems.every(({ problem }) => problem.phase === 'object'),
    JSON.stringify(diary.problems),
  );
  assert.equal(updater.host.controller.nodeCount, 20);
  await cluster.control.startRollout();
  const report = await rolledOut(cluster);
  assertClean(report);
  assert.equal(report.deletes, 20);
  const anew = proxy.watchRequests('/controllerrevisions?') - 1;
  assert.ok(anew <= 1, 'for the new template the ControllerRevisions are watched anew');
  assert.equal(proxy.watchRequests('') - anew, 4, 'no stream was interrupted');
});
