import assert from 'node:assert/strict';
import { test } from 'node:test';
import { monotonicMs } from '../../src/clock.ts';
import { plainConnection } from '../../src/protocol/connection.ts';
import { daemonSetKey } from '../../src/protocol/slot.ts';
import { encodeMessage, encodeWatchFrame, envelop } from '../../src/simulator/protobuf-encoder.ts';
import { SpoilingProxy } from './proxy.ts';
import { assertClean, eventually, rolledOut, simulator, startUpdater } from './support.ts';

const AGENT = daemonSetKey('default', 'agent');

test('unreadable: a change of the DaemonSet and one of a node cannot be read → it holds, then without the node, then all', async (t) => {
  const cluster = await simulator(t, { scenario: { nodes: 10, startupMs: 100, maxUnavailable: '5' } });
  const proxy = await SpoilingProxy.open(t, cluster.url);
  const { updater } = await startUpdater(t, cluster, { connection: plainConnection(proxy.url) });
  await eventually('all four watches are open', () => proxy.watches.size === 4);
  const { controller } = updater.host;
  const [nodes, daemonSets] = [proxy.find('/nodes?'), proxy.find('/daemonsets?')];
  const [name] =
    controller
      .find(AGENT)
      ?.rollout.plan(monotonicMs())
      .map(({ node }) => node) ?? [];
  assert.ok(nodes && daemonSets && name);
  const bad = { metadata: { name: 'agent', namespace: 'default', uid: 'u', resourceVersion: '1', annotations: 7 } };
  daemonSets.inject(Buffer.from(`${JSON.stringify({ type: 'MODIFIED', object: bad })}\n`));
  // Without a UID.
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name, resourceVersion: '1' } };
  nodes.inject(encodeWatchFrame('MODIFIED', envelop(node, encodeMessage(node))));
  const blocked = () => controller.find(AGENT)?.rollout.blocked()?.message ?? '';
  await eventually('it is known', () => blocked() !== '');
  assert.equal(blocked(), 'cannot be read: daemonset default/agent: metadata.annotations is not an object');
  // The revision comes first, then what the DaemonSet says of it, which can be read.
  await cluster.control.startRollout();
  const plan = () => controller.find(AGENT)?.rollout.plan(monotonicMs()) ?? [];
  await eventually('all others are updated', () => plan().filter(({ reason }) => reason === 'current').length === 9);
  assert.deepEqual(
    plan()
      .filter(({ reason }) => reason !== 'current')
      .map((each) => [each.node, each.reason, each.message]),
    [[name, 'node-unreadable', `the node cannot be read: node ${name}: metadata.uid is missing`]],
  );
  assert.equal((await cluster.control.report()).deletes, 9);
  await cluster.control.setCordoned(name, true);
  const report = await rolledOut(cluster);
  assertClean(report);
  assert.equal(report.deletes, 10);
});
