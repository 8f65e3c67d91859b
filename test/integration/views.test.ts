import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, kubeconfig, runCli, simulator, startUpdater } from './support.ts';

test('plan: before, in the middle and after → each node with its reason, as a table and as JSON; nothing is written', async (t) => {
  const cluster = await simulator(t, { scenario: { nodes: 12, maxUnavailable: '3', startupMs: 300 } });
  const config = await kubeconfig(t, cluster.url);
  const plan = (...args: string[]) => runCli(t, ['plan', 'agent', '--kubeconfig', config, ...args]);
  await cluster.control.setNodeReady('node-05', false);
  await cluster.control.startRollout();
  await eventually('the new template is seen', async () => {
    return (await cluster.control.progress())[0]?.isNewRevisionKnown === true;
  });
  const table = await plan();
  assert.equal(table.code, 0, table.stderr);
  assert.match(
    table.stdout,
    /^default\/agent: AdvancedRollingUpdate to revision \w+, 0 of 3 unavailable nodes in use\n/,
  );
  assert.match(table.stdout, /\nNODE +POD +REVISION +STATE +REASON\n/);
  for (let node = 0; node < 12; node++) {
    assert.match(table.stdout, new RegExp(`\nnode-${String(node).padStart(2, '0')} +agent-`));
  }
  const json = await plan('-n', 'default', '-o', 'json');
  assert.equal(json.code, 0, json.stderr);
  const { daemonSet, counts, reasons, nodes } = JSON.parse(json.stdout);
  assert.deepEqual([daemonSet, counts.eligible, counts.allowed, nodes.length], ['default/agent', 12, 3, 12]);
  assert.equal(
    Object.values<number>(reasons).reduce((sum, count) => sum + count, 0),
    12,
  );
  const notReady = nodes.find(({ node }: { node: string }) => node === 'node-05');
  assert.match(notReady.reason, /not-ready/i);
  assert.deepEqual(Object.keys((await cluster.control.statistics()).requests), ['GET']);

  await startUpdater(t, cluster);
  await eventually('all Ready nodes are updated', () => cluster.control.isMet({ condition: 'rolled-out' }));
  const after = JSON.parse((await plan('-o', 'json')).stdout);
  assert.equal(after.counts.updated, 11);
});

test('plan: a DaemonSet that did not opt in, or is refused → exit code 1 and why', async (t) => {
  const cluster = await simulator(t, { scenario: { nodes: 2, daemonSets: 2 } });
  const config = await kubeconfig(t, cluster.url);
  await cluster.control.annotateDaemonSet('default/agent-2', { 'apps.openyurt.io/update-strategy': 'BlueGreen' });
  for (const [name, says] of [
    ['nobody', /does not exist there, or has no annotation/],
    ['agent-2', /"BlueGreen"; use OTA or AdvancedRollingUpdate/],
  ] as const) {
    const { code, stdout, stderr } = await runCli(t, ['plan', name, '--kubeconfig', config]);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, says);
  }
});

test('plan and status: the cluster may not be read → exit code 1 and which verb on which resource', async (t) => {
  const cluster = await simulator(t, { scenario: { nodes: 2 } });
  const config = await kubeconfig(t, cluster.url);
  await cluster.control.setForbidden([{ verb: 'list', resource: 'nodes' }]);
  for (const args of [['plan', 'agent'], ['status']]) {
    const { code, stdout, stderr } = await runCli(t, [...args, '--kubeconfig', config]);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /cannot read the cluster: nodes: .*cannot list resource "nodes"/);
  }
});

test('status: two rollouts → a line each, and JSON; one that is not there → exit code 1', async (t) => {
  const cluster = await simulator(t, { scenario: { nodes: 8, daemonSets: 2, strategy: 'OTA' } });
  const config = await kubeconfig(t, cluster.url);
  await cluster.control.annotateDaemonSet('default/agent-2', {
    'apps.openyurt.io/update-strategy': 'AdvancedRollingUpdate',
  });
  const status = (...args: string[]) => runCli(t, ['status', '--kubeconfig', config, ...args]);
  const table = await status();
  assert.equal(table.code, 0, table.stderr);
  const lines = table.stdout.trimEnd().split('\n');
  assert.match(lines[0] ?? '', /^NAMESPACE +NAME +STRATEGY +REVISION +ELIGIBLE/);
  assert.deepEqual(
    lines
      .slice(1)
      .map((line) => line.split(/ +/).slice(0, 3).join(' '))
      .sort(),
    ['default agent OTA', 'default agent-2 AdvancedRollingUpdate'],
  );
  const json = await status('agent-2', '-o', 'json');
  const [only, ...others] = JSON.parse(json.stdout);
  assert.deepEqual([only.daemonSet, only.eligible, only.updated, others.length], ['default/agent-2', 8, 8, 0]);
  const missing = await status('nobody');
  assert.deepEqual([missing.code, missing.stdout], [1, '']);
  assert.match(missing.stderr, /nobody/);
  const elsewhere = await status('-n', 'elsewhere');
  assert.deepEqual([elsewhere.code, elsewhere.stdout], [0, 'No DaemonSet has opted in.\n']);
});
