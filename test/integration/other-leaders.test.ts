import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { type TestContext, test } from 'node:test';
import type { Simulator } from '../../src/simulator/start.ts';
import { SpoilingProxy } from './proxy.ts';
import { Cli, eventually, kubeconfig, runCli, simulator } from './support.ts';

const SERVERS = ['--metrics-bind-address', '0', '--health-probe-bind-address', '0', '--workers', '1'];
const WARNING = 'other controllers not looked for';

interface LeaseChoice {
  readonly namespace: string;
  readonly name?: string;
  readonly holder?: string;
  readonly renewedAgoMs?: number;
}

/** As another controller would have left it. */
async function writeLease(cluster: Simulator, choice: LeaseChoice): Promise<void> {
  const { namespace, name = 'daemonpodupdater', holder = 'laptop_6d8e', renewedAgoMs = 0 } = choice;
  const renewTime = new Date(Date.now() - renewedAgoMs).toISOString().replace('Z', '000Z');
  await create(cluster, '/api/v1/namespaces', { kind: 'Namespace', apiVersion: 'v1', metadata: { name: namespace } });
  await create(cluster, `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`, {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace },
    spec: { holderIdentity: holder, leaseDurationSeconds: 120, acquireTime: renewTime, renewTime, leaseTransitions: 0 },
  });
}

async function create(cluster: Simulator, path: string, object: unknown): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${cluster.url}${path}`, { method: 'POST', headers, body: JSON.stringify(object) });
  assert.equal(response.status, 201, await response.text());
}

async function world(t: TestContext, ...leases: readonly LeaseChoice[]) {
  const cluster = await simulator(t, { scenario: { nodes: 3 } });
  for (const lease of leases) await writeLease(cluster, lease);
  const args = ['run', '--kubeconfig', await kubeconfig(t, cluster.url), ...SERVERS];
  /** Runs until it leads; what it logged until then. */
  const lead = async (...more: readonly string[]) => {
    const cli = new Cli(t, [...args, ...more]);
    const leads = () => cli.logs().find(({ message }) => message === 'became leader');
    await eventually('it leads', () => leads() !== undefined).catch((error: unknown) => {
      throw new Error(cli.output, { cause: error });
    });
    cli.signal('SIGTERM');
    assert.equal(await cli.ended, 0, cli.output);
    return { lease: leads()?.lease, warnings: cli.logs().filter(({ message }) => message === WARNING) };
  };
  return { cluster, args, lead };
}

test('trust 15: a controller leads in another namespace → run ends with 1, and says where, who, and which flags help', async (t) => {
  const { cluster, args } = await world(t, { namespace: 'platform' });
  const { code, stdout, stderr } = await runCli(t, args);
  assert.equal(code, 1, stdout + stderr);
  for (const part of [
    'platform/daemonpodupdater',
    'laptop_6d8e',
    '--leader-elect-resource-namespace=platform',
    '--leader-elect-ignore-other-namespaces',
  ]) {
    assert.ok((stdout + stderr).includes(part), `${part} is missing in ${stdout}${stderr}`);
  }
  const { requests } = await cluster.control.statistics();
  assert.deepEqual(
    [requests.POST, requests.PUT, requests.DELETE],
    [2, undefined, undefined],
    'it wrote nothing itself',
  );
});

test('trust 15: the same with the flag that ignores it → leads', async (t) => {
  const { lead } = await world(t, { namespace: 'platform' });
  const { lease, warnings } = await lead('--leader-elect-ignore-other-namespaces');
  assert.equal(lease, 'default/daemonpodupdater');
  assert.deepEqual(warnings, []);
});

test('trust 15: the lease is given up, another name, or ran out long ago → leads, and warns of nothing', async (t) => {
  const { lead } = await world(
    t,
    { namespace: 'a', holder: '' },
    { namespace: 'b', name: 'other' },
    { namespace: 'c', renewedAgoMs: 3_600_000 },
  );
  assert.deepEqual(await lead(), { lease: 'default/daemonpodupdater', warnings: [] });
});

test('trust 15: two processes in the same namespace → the second one stands by', async (t) => {
  const { args } = await world(t);
  const first = new Cli(t, args);
  await eventually('the first one leads', () => first.output.includes('became leader'));
  const second = new Cli(t, args);
  await eventually('the second one sees it', () => second.output.includes('leader observed'));
  for (const cli of [first, second]) cli.signal('SIGTERM');
  assert.deepEqual([await first.ended, await second.ended], [0, 0]);
});

test('trust 15: two are started at the same time in two namespaces → one of them leads on, the other ends with 1', async (t) => {
  const { cluster, args } = await world(t, { namespace: 'platform', holder: '' });
  const other = await kubeconfig(t, cluster.url);
  await writeFile(other, (await readFile(other, 'utf8')).replace('"namespace":"default"', '"namespace":"platform"'));
  const both = [new Cli(t, args), new Cli(t, ['run', '--kubeconfig', other, ...SERVERS])];
  const output = () => both.map((cli) => cli.output).join('\n');
  const codes = both.map((cli) => cli.ended);
  const first = await Promise.race(codes.map(async (code, index) => ({ code: await code, index })));
  assert.equal(first.code, 1, output());
  const stays = both[1 - first.index];
  await eventually(`the other one leads: ${output()}`, () => stays?.output.includes('became leader') ?? false);
  stays?.signal('SIGTERM');
  assert.equal(await stays?.ended, 0, output());
});

test('trust 15: it may not list leases → looks where they usually are, and warns that it cannot look elsewhere', async (t) => {
  const { cluster, args, lead } = await world(t);
  await cluster.control.setForbidden([{ verb: 'list', resource: 'leases' }]);
  const { lease, warnings } = await lead();
  assert.equal(lease, 'default/daemonpodupdater');
  assert.deepEqual(
    warnings.map(({ level }) => level),
    ['warn'],
  );
  assert.match(String(warnings[0]?.detail), /looked only in daemonpodupdater.*--leader-elect-resource-namespace/);
  await writeLease(cluster, { namespace: 'daemonpodupdater' });
  const { code, stdout, stderr } = await runCli(t, args);
  assert.equal(code, 1, stdout + stderr);
});

test('trust 15: the API server is away at first → asks until it is there, and starts nothing before', async (t) => {
  const { cluster } = await world(t, { namespace: 'platform' });
  const proxy = await SpoilingProxy.open(t, cluster.url);
  proxy.down();
  const config = await kubeconfig(t, proxy.url);
  const cli = new Cli(t, ['run', '--kubeconfig', config, ...SERVERS, '--leader-elect-retry-period', '200ms']);
  await eventually('it has said so', () => cli.output.includes(WARNING));
  await proxy.up();
  assert.equal(await cli.ended, 1, cli.output);
  const others = proxy.requests.filter((line) => !line.startsWith('GET /apis/coordination.k8s.io/v1/leases?'));
  assert.deepEqual(others, []);
});

test('trust 15: told to end while the API server is away → ends with 0', async (t) => {
  const config = await kubeconfig(t, 'http://127.0.0.1:9');
  const cli = new Cli(t, ['run', '--kubeconfig', config, ...SERVERS]);
  await eventually('it has said so', () => cli.output.includes(WARNING));
  cli.signal('SIGTERM');
  assert.equal(await cli.ended, 0, cli.output);
});
