import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SpoilingProxy } from './proxy.ts';
import { Cli, kubeconfig, rolledOut, simulator } from './support.ts';
import { view } from './view-commands.ts';

const USER = {
  as: 'robot',
  'as-uid': '42',
  'as-groups': ['edge', 'ops'],
  'as-user-extra': { 'example.com/Scope': ['rollouts', 'nodes'] },
};

test('trust 19: run, plan and status as somebody else → every request of theirs says so, watches and worker threads included', async (t) => {
  const cluster = await simulator(t, { scenario: { nodes: 20, startupMs: 200, maxUnavailable: '5' } });
  const proxy = await SpoilingProxy.open(t, cluster.url);
  const config = await kubeconfig(t, proxy.url, USER);
  const servers = ['--metrics-bind-address', '0', '--health-probe-bind-address', '0'];
  const run = new Cli(t, ['run', '--kubeconfig', config, '--workers', '2', ...servers]);
  await cluster.control.startRollout();
  await rolledOut(cluster);
  run.signal('SIGTERM');
  assert.equal(await run.ended, 0, run.output);
  for (const args of [
    ['status', '--namespace', 'default'],
    ['plan', 'agent', '--namespace', 'default'],
  ]) {
    const { code, stderr } = await view([...args, '--kubeconfig', config]);
    assert.ok(code === 0, stderr);
  }
  const kinds = new Set(proxy.requests.map((line) => line.split(' ')[0]));
  assert.deepEqual([...kinds].sort(), ['DELETE', 'GET', 'POST', 'PUT']);
  assert.ok(proxy.watchRequests('/pods') > 0);
  for (const [index, line] of proxy.requests.entries()) {
    const headers = Object.entries(proxy.headers[index] ?? {}).filter(([name]) => name.startsWith('impersonate-'));
    assert.deepEqual(
      Object.fromEntries(headers),
      {
        'impersonate-user': ['robot'],
        'impersonate-uid': ['42'],
        'impersonate-group': ['edge', 'ops'],
        'impersonate-extra-example.com%2fscope': ['rollouts', 'nodes'],
      },
      line,
    );
  }
});
