import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { type Simulator, startSimulator } from '../../src/simulator/start.ts';

let simulator: Simulator;

before(async () => {
  simulator = await startSimulator({
    scenario: { nodes: 40, startupMs: 500, podsPerSecond: 500 },
    speed: 10,
    unreadBytesMax: 200_000,
  });
});

after(async () => await simulator.close());

interface PodItem {
  readonly metadata: { readonly name: string; readonly uid: string };
}

async function pods(): Promise<readonly PodItem[]> {
  const list = (await (await fetch(`${simulator.url}/api/v1/pods`)).json()) as { items: readonly PodItem[] };
  return list.items;
}

function deletion({ metadata }: PodItem): Promise<Response> {
  const url = `${simulator.url}/api/v1/namespaces/default/pods/${metadata.name}`;
  const body = JSON.stringify({ preconditions: { uid: metadata.uid } });
  return fetch(url, { method: 'DELETE', headers: { 'content-type': 'application/json' }, body });
}

async function remove(pod: PodItem): Promise<number> {
  const answer = await deletion(pod);
  await answer.arrayBuffer();
  return answer.status;
}

test('simulator: every old pod deleted by requests → rolled out in quick time, and the report says so', async () => {
  assert.deepEqual(await simulator.control.startRollout(), ['default/agent']);
  const old = await pods();
  assert.equal(await simulator.waitFor({ condition: 'rolled-out' }, 0), false);
  for (const pod of old) assert.equal(await remove(pod), 200);
  assert.equal(await simulator.waitFor({ condition: 'rolled-out' }, 20_000), true);
  const report = await simulator.control.report();
  assert.equal(report.deletes, 40);
  assert.equal(report.duplicateWrites, 0);
  const [daemonSet] = report.daemonSets;
  assert.deepEqual([daemonSet?.eligible, daemonSet?.updated], [40, 40]);
  assert.ok((daemonSet?.overBudgetDeletions ?? 0) > 0);
  const statistics = await simulator.control.statistics();
  assert.ok((statistics.requests.DELETE ?? 0) >= 40);
});

test('simulator: throttled → 429 with Retry-After and a Status; faults off → served again', async () => {
  await simulator.control.setFaults({ throttled: 1, retryAfterSecondsMax: 1 });
  const answer = await fetch(`${simulator.url}/api/v1/pods`);
  await simulator.control.setFaults({});
  assert.equal(answer.status, 429);
  assert.equal(answer.headers.get('retry-after'), '1');
  assert.equal(((await answer.json()) as { reason: string }).reason, 'TooManyRequests');
  assert.equal((await pods()).length, 40);
});

test('simulator: a write lost on its way back → no answer, and applied', async () => {
  const [pod] = await pods();
  assert(pod !== undefined);
  const before = (await simulator.control.report()).deletes;
  await simulator.control.setFaults({ lostAfter: 1 });
  await assert.rejects(deletion(pod));
  await simulator.control.setFaults({});
  assert.equal((await simulator.control.report()).deletes, before + 1);
});

test('simulator: a watch that nobody reads → cut off by the server', { timeout: 120_000 }, async () => {
  const { hostname, port } = new URL(simulator.url);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  socket.write('GET /api/v1/pods?watch=true HTTP/1.1\r\nHost: simulator\r\n\r\n');
  socket.pause();
  const isOpen = await simulator.waitFor({ condition: 'watches', count: 1 }, 50_000);
  assert.equal(isOpen, true);
  const deadlineMs = performance.now() + 60_000;
  // What the kernel holds for a reader who does not read is megabytes: annotations make events large.
  const padding = 'x'.repeat(200_000);
  for (let round = 0; performance.now() < deadlineMs; round += 1) {
    const { openWatches } = await simulator.control.statistics();
    if (openWatches === 0) break;
    const [pod] = await pods();
    assert(pod !== undefined);
    const answer = await fetch(`${simulator.url}/api/v1/namespaces/default/pods/${pod.metadata.name}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify({ metadata: { annotations: { padding: `${round}${padding}` } } }),
    });
    await answer.arrayBuffer();
  }
  assert.equal((await simulator.control.statistics()).openWatches, 0);
  socket.destroy();
});

test('simulator: a body that is too large → 413', async () => {
  const body = JSON.stringify({ metadata: { name: 'a' }, data: { padding: 'x'.repeat(4_000_000) } });
  const answer = await fetch(`${simulator.url}/api/v1/namespaces/default/configmaps`, { method: 'POST', body });
  assert.equal(answer.status, 413);
  await answer.arrayBuffer();
});

test('simulator: a control call that fails, or after the end → rejected', async () => {
  await assert.rejects(simulator.control.updateTemplate('default/none', 'image'), /no DaemonSet default\/none/);
  const short = await startSimulator({ scenario: { nodes: 1 } });
  await short.close();
  await assert.rejects(short.control.report(), /stopped/);
  await short.close();
});
