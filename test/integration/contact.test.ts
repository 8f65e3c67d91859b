import assert from 'node:assert/strict';
import { test } from 'node:test';
import { publishMetrics } from '../../src/manager/published-metrics.ts';
import { plainConnection } from '../../src/protocol/connection.ts';
import { Metrics } from '../../src/server/metrics.ts';
import { SpoilingProxy } from './proxy.ts';
import { eventually, simulator, startUpdater } from './support.ts';

test('contact: 403 on a watch after the first list → the stream says which right is missing; granted and told → in contact', async (t) => {
  const { random } = Math;
  let isPatient = false;
  // Who waits while it is so waits for 25 s.
  t.mock.method(Math, 'random', () => (isPatient ? 30 : random()));
  const cluster = await simulator(t, { scenario: { nodes: 5 } });
  const proxy = await SpoilingProxy.open(t, cluster.url);
  const { updater, diary } = await startUpdater(t, cluster, { connection: plainConnection(proxy.url) });
  const reasons = (): string[] =>
    updater.host.reader.contacts().flatMap(({ stream, reason }) => (reason === '' ? [] : [`${stream}: ${reason}`]));
  await eventually('all streams are in contact', () => reasons().length === 0 && proxy.watches.size === 4);

  await cluster.control.setForbidden([{ verb: 'watch', resource: 'nodes' }]);
  proxy.find('/nodes?')?.cut();
  const says = /^nodes: not allowed to watch nodes .*cannot watch resource "nodes"/;
  await eventually('the nodes say so', () => says.test(reasons()[0] ?? ''));
  assert.equal(reasons().length, 1);
  isPatient = true;
  await eventually('a long wait begins', () => diary.problems.some(({ problem }) => problem.retryInMs > 20_000));

  const metrics = new Metrics({ host: 'h', leaseName: 'l', laneCount: 0 });
  publishMetrics(metrics, updater);
  const stale = async (resource: string): Promise<number> =>
    Number(new RegExp(`staleness_seconds\\{resource="${resource}"\\} (.*)`).exec(await metrics.text())?.[1]);
  const silentMs = updater.host.reader.contacts().find(({ stream }) => stream === 'nodes')?.silentMs ?? Number.NaN;
  assert.ok((await stale('nodes')) >= silentMs / 1000);

  await cluster.control.setForbidden([]);
  isPatient = false;
  // As new credentials do: nothing is waited for any longer.
  await updater.setConnection(plainConnection(proxy.url));
  await eventually('the nodes are watched again', () => proxy.find('/nodes?') !== undefined);
  await eventually('and in contact', () => reasons().length === 0);
});
