import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertClean, Cli, eventually, kubeconfig, rolledOut, simulator } from './support.ts';
import { untilTold, view } from './view-commands.ts';

const PAUSED = 'daemonpodupdater.io/paused';
const SERVERS = ['--metrics-bind-address', '127.0.0.1:0', '--health-probe-bind-address', '0', '--workers', '2'];

test('trust 12: paused in the middle → status, plan, metrics and events say so, and nothing else is deleted; resumed → it ends', async (t) => {
  const cluster = await simulator(t, { scenario: { nodes: 40, startupMs: 2_000, maxUnavailable: '5' } });
  const config = await kubeconfig(t, cluster.url);
  const leader = new Cli(t, ['run', '--kubeconfig', config, ...SERVERS, '--leader-elect-retry-period', '200ms']);
  const metrics = async () => await (await fetch(`${await leader.address('metrics')}/metrics`)).text();
  const show = async (...args: string[]) => {
    const { code, stdout, stderr } = await view([...args, '--kubeconfig', config]);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  await cluster.control.startRollout();
  await eventually('some are replaced', async () => (await cluster.control.report()).deletes >= 10);
  await cluster.control.annotateDaemonSet('default/agent', { [PAUSED]: 'true' });
  const labels = '{namespace="default",daemonset="agent"}';
  await eventually('the metrics say so, and what was in flight is back', async () => {
    const text = await metrics();
    const is = (name: string, value: number) => text.includes(`daemonpodupdater_rollout_${name}${labels} ${value}\n`);
    return is('paused', 1) && is('blocked', 1) && is('in_flight', 0);
  });
  const { deletes } = await cluster.control.report();
  assert.ok(deletes < 40, 'it was over before it was paused');
  const left = 40 - deletes;
  assert.match(await show('status'), new RegExp(`^default +agent .* paused, ${left} nodes to go$`, 'm'));
  await untilTold(cluster, 'daemonpodupdater', 'the leader tells that it knows', async () => {
    return /^default\/agent +- +- +paused +paused by the annotation daemonpodupdater.io\/paused$/m.test(
      await show('status'),
    );
  });
  const { daemonSets } = JSON.parse(await show('status', '-o', 'json'));
  assert.equal(daemonSets[0].isPaused, true);
  const { reasons } = JSON.parse(await show('plan', 'agent', '-o', 'json'));
  assert.deepEqual(reasons, { current: deletes, paused: left });
  assert.equal((await cluster.control.report()).deletes, deletes);
  await cluster.control.annotateDaemonSet('default/agent', { [PAUSED]: 'false' });
  const report = await rolledOut(cluster);
  assertClean(report);
  assert.equal(report.deletes, 40);
  const told = () => leader.logs().map(({ message }) => message);
  await eventually('its end is told', () => told().includes('RolloutCompleted'));
  const rollout = ['RolloutStarted', 'RolloutPaused', 'RolloutResumed', 'RolloutCompleted'];
  assert.deepEqual(
    told().filter((message) => rollout.includes(String(message))),
    rollout,
  );
  assert.ok((await metrics()).includes(`daemonpodupdater_rollout_paused${labels} 0\n`));
});
