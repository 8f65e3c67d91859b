import assert from 'node:assert/strict';
import { test } from 'node:test';
import { documentProblems } from '../commands/contract.ts';
import { Cli, eventually, kubeconfig, runCli, simulator } from './support.ts';
import { view } from './view-commands.ts';

const SERVERS = [
  '--metrics-bind-address',
  '127.0.0.1:0',
  '--health-probe-bind-address',
  '127.0.0.1:0',
  '--workers',
  '2',
];
const CLAIMS = /RolloutStarted|RolloutProgress|RolloutCompleted|RolloutSuperseded|"pace changed"/;

test('trust 11: run --dry-run → names at info what fits into the budget, says that it stops there, claims nothing and writes nothing', async (t) => {
  const cluster = await simulator(t, { scenario: { nodes: 20, maxUnavailable: '10%', startupMs: 300 } });
  const config = await kubeconfig(t, cluster.url);
  const cli = new Cli(t, ['run', '--kubeconfig', config, '--dry-run', ...SERVERS]);
  const lines = (message: string) => cli.logs().filter((line) => line.message === message);
  await eventually('nothing is to be done', () => lines('dry run stops here').length === 1);
  await cluster.control.startRollout();
  await eventually('it stops', () => lines('dry run stops here').length === 2);
  const named = lines('dry run: pod would be deleted');
  assert.deepEqual(
    named.map(({ level, daemonSet, node }) => [level, daemonSet, node]),
    [
      ['info', 'default/agent', 'node-00'],
      ['info', 'default/agent', 'node-01'],
    ],
  );
  assert.ok(named.every(({ pod, fromHash, toHash }) => /^agent-/.test(String(pod)) && fromHash !== toHash));
  const [, stop] = lines('dry run stops here');
  assert.deepEqual([stop?.now, stop?.later], [2, 18]);
  assert.match(
    String(stop?.detail),
    /^2 nodes would be next, 18 more as these become available; .*nothing is written$/,
  );
  const metrics = await (await fetch(`${await cli.address('metrics')}/metrics`)).text();
  assert.match(metrics, /^daemonpodupdater_dry_run 1$/m);
  assert.match(metrics, /^daemonpodupdater_rollout_in_flight\{.*\} 0$/m);
  const address = (await cli.address('health')).replace('http://', '');
  const { stdout, stderr } = await runCli(t, ['status', '--kubeconfig', config, '--controller', address]);
  assert.match(stdout, /\ncontroller \S+, a dry run, which writes nothing, as of /, stderr);
  const json = await view(['status', '--kubeconfig', config, '--controller', address, '-o', 'json']);
  const document = JSON.parse(json.stdout);
  assert.deepEqual(documentProblems('status', document), []);
  const [{ state, reasons, leader }] = document.daemonSets;
  assert.deepEqual([state, leader], ['unknown', null]);
  assert.ok(reasons.some(({ code }: { code: string }) => code === 'controller-not-leading'));
  cli.signal('SIGTERM');
  assert.equal(await cli.ended, 0, cli.output);
  assert.doesNotMatch(cli.output, CLAIMS);
  const { requests } = await cluster.control.statistics();
  assert.deepEqual(Object.keys(requests), ['GET'], 'no write of any kind, events and leases included');
});

test('trust 11: a dry run beside the real one → names pods as it goes on, and claims nothing of it', async (t) => {
  const cluster = await simulator(t, { scenario: { nodes: 12, maxUnavailable: '3', startupMs: 1000 } });
  const config = await kubeconfig(t, cluster.url);
  const dry = new Cli(t, ['run', '--kubeconfig', config, '--dry-run', ...SERVERS]);
  const lines = () => dry.logs().filter(({ message }) => message === 'dry run stops here');
  await eventually('it looks', () => lines().length >= 1);
  const real = new Cli(t, ['run', '--kubeconfig', config, '--leader-elect=false', ...SERVERS]);
  await eventually('it leads', () => real.output.includes('"started"'));
  await cluster.control.startRollout();
  await eventually('all are replaced', () => cluster.control.isMet({ condition: 'rolled-out' }));
  await eventually('the real one says so', () => real.output.includes('RolloutCompleted'));
  dry.signal('SIGTERM');
  assert.equal(await dry.ended, 0, dry.output);
  assert.doesNotMatch(dry.output, CLAIMS);
  const nodes = dry.logs().flatMap(({ message, node }) => (message === 'dry run: pod would be deleted' ? [node] : []));
  assert.equal(new Set(nodes).size, nodes.length, 'each node once');
});
