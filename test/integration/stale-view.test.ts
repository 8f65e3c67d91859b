import assert from 'node:assert/strict';
import { test } from 'node:test';
import { monotonicMs } from '../../src/clock.ts';
import { plainConnection } from '../../src/protocol/connection.ts';
import type { PlanReason } from '../../src/rollout/plan.ts';
import { SpoilingProxy } from './proxy.ts';
import { assertClean, eventually, rolledOut, simulator, startUpdater } from './support.ts';

test('stale view: 403 on the watch of the pods of one of two DaemonSets, deletions are allowed → it does not begin, the other completes; granted → it does', async (t) => {
  const cluster = await simulator(t, { scenario: { nodes: 15, daemonSets: 2, maxUnavailable: '3', startupMs: 500 } });
  const proxy = await SpoilingProxy.open(t, cluster.url);
  const { updater, diary } = await startUpdater(t, cluster, {
    connection: plainConnection(proxy.url),
    contactLimits: { failingMs: 300, silentMs: 60_000 },
  });
  const [blind, other] = [...updater.host.controller.followed()];
  assert.ok(blind !== undefined && other !== undefined);
  const app = encodeURIComponent(`app=${blind.daemonSet.name}`);
  const isWatching = (): boolean =>
    [...proxy.watches].some(({ url }) => url.includes('/pods?') && url.includes(`${app}&`));
  await eventually('its pods are watched', isWatching);
  const podWatches = () => [...proxy.watches].filter(({ url }) => url.includes('/pods?')).length;
  await eventually('and those of the other one', () => podWatches() === 2);

  await cluster.control.setForbidden([{ verb: 'watch', resource: 'pods' }]);
  for (const watch of proxy.watches) if (watch.url.includes('/pods?') && watch.url.includes(`${app}&`)) watch.cut();
  const says = new RegExp(`^stale: pods of ${blind.key}: failing for \\d+ s: not allowed to watch pods`);
  await eventually('it is blocked and says why', () => says.test(blind.rollout.blocked()?.message ?? ''));
  assert.equal(other.rollout.blocked(), undefined);

  await cluster.control.startRollout();
  const isThrough = async (key: string): Promise<boolean> => {
    const progress = (await cluster.control.progress()).find(({ daemonSet }) => daemonSet === key);
    return progress?.isNewRevisionKnown === true && progress.updated === 15;
  };
  await eventually('the other one is through', () => isThrough(other.key));
  const reasons = new Set(blind.rollout.plan(monotonicMs()).map(({ reason }): PlanReason => reason));
  assert.deepEqual([...reasons], ['blocked'], 'it knows that all its pods are old');
  assert.equal((await cluster.control.report()).deletes, 15, 'none of its own');

  await cluster.control.setForbidden([]);
  // As new credentials do: nothing is waited for any longer.
  await updater.setConnection(plainConnection(proxy.url));
  const report = await rolledOut(cluster);
  assertClean(report);
  assert.equal(report.deletes, 30);
  const told = diary.logs.filter(
    ({ message, fields }) => /the view is/.test(message) && /^pods of/.test(String(fields.stream)),
  );
  assert.deepEqual(
    told.map(({ level, fields }) => `${level} ${fields.stream}`),
    [`warn pods of ${blind.key}`, `info pods of ${blind.key}`],
  );
});
