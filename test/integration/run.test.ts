import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeCertificate } from '../client/certificates.ts';
import { SpoilingProxy } from './proxy.ts';
import { assertClean, Cli, eventually, kubeconfig, rolledOut, runCli, simulator, temporaryFolder } from './support.ts';
import { view } from './view-commands.ts';

const QUIET = ['--metrics-bind-address', '0', '--health-probe-bind-address', '127.0.0.1:0', '--workers', '2'];

async function ask(url: string): Promise<{ status: number; text: string }> {
  const answer = await fetch(url);
  return { status: answer.status, text: await answer.text() };
}

/** Polls `/readyz` until it answers so; returns what it said. */
async function readyz(cli: Cli, status: number, says: RegExp): Promise<string> {
  const address = await cli.address('health');
  let last = '';
  const look = async (): Promise<boolean> => {
    const answer = await ask(`${address}/readyz`);
    last = answer.text;
    return answer.status === status && says.test(answer.text);
  };
  await eventually(`/readyz answers ${status} and ${says}; log: ${cli.output}`, look).catch((error: Error) => {
    throw new Error(`${error.message}\nlast: ${last}`);
  });
  return last;
}

test('run: kubeconfigs that cannot be used → exit code 1, and the reason in one line', async (t) => {
  const folder = await temporaryFolder(t);
  const file = async (name: string, content: object): Promise<string> => {
    await writeFile(join(folder, name), JSON.stringify(content));
    return join(folder, name);
  };
  const base = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
    contexts: [{ name: 'main', context: { cluster: 'c', user: 'u' } }],
  };
  const expired = makeCertificate({ name: 'tester', notAfter: new Date('2021-01-01') });
  const user = {
    'client-certificate-data': Buffer.from(expired.certPem).toString('base64'),
    'client-key-data': Buffer.from(expired.keyPem).toString('base64'),
  };
  const rows: { args: string[]; says: RegExp }[] = [
    { args: ['--kubeconfig', join(folder, 'missing')], says: /no kubeconfig at .*missing/ },
    { args: ['--kubeconfig', folder], says: /cannot be read|unreadable|EISDIR/ },
    { args: ['--kubeconfig', await file('no-context', base)], says: /no current-context.*it has main/ },
    {
      args: ['--kubeconfig', await file('other', { ...base, users: [{ name: 'u' }] }), '--context', 'other'],
      says: /no context other/,
    },
    {
      args: [
        '--kubeconfig',
        await file('expired', { ...base, 'current-context': 'main', users: [{ name: 'u', user }] }),
      ],
      says: /expired on 2021-01-01/,
    },
  ];
  if (process.getuid?.() !== 0) {
    const locked = await file('locked', base);
    await chmod(locked, 0);
    rows.push({ args: ['--kubeconfig', locked], says: /EACCES|permission/ });
  }
  for (const { args, says } of rows) {
    for (const command of [['run', ...QUIET], ['plan', 'agent'], ['status']] as const) {
      const isRun = command[0] === 'run';
      const { code, stdout, stderr } = await (isRun ? runCli(t, [...command, ...args]) : view([...command, ...args]));
      assert.deepEqual([code, stdout], [1, ''], `${command[0]} ${args}: ${stderr}`);
      assert.match(stderr, says, command[0]);
      assert.doesNotMatch(stderr, /\n\s+at /, 'a stack trace is for bugs');
    }
  }
});

test('run: the API server is not there at the start, comes, goes and comes → not ready and says so; then it goes on', async (t) => {
  const cluster = await simulator(t, { scenario: { nodes: 20, startupMs: 300, maxUnavailable: '5' } });
  const proxy = await SpoilingProxy.open(t, cluster.url);
  proxy.down();
  const config = await kubeconfig(t, proxy.url);
  const cli = new Cli(t, ['run', '--kubeconfig', config, '--leader-elect=false', ...QUIET]);
  const said = await readyz(cli, 503, /informers-synced failed/);
  assert.match(said, /api-server failed|ECONNREFUSED/);
  assert.equal((await ask(`${await cli.address('health')}/healthz`)).status, 200, 'a restart would not help');
  await proxy.up();
  await readyz(cli, 200, /ok/);
  proxy.down();
  await readyz(cli, 503, /api-server failed: no answer/);
  await cluster.control.startRollout();
  await proxy.up();
  await readyz(cli, 200, /ok/);
  const report = await rolledOut(cluster);
  assertClean(report);
  assert.equal(report.deletes, 20);
  cli.signal('SIGTERM');
  assert.equal(await cli.ended, 0, cli.output);
  assert.match(cli.output, /connection-refused|ECONNREFUSED/);
});

test('run: 401 → not ready, says that the credentials are refused; accepted again → goes on', async (t) => {
  const cluster = await simulator(t, { scenario: { nodes: 5, startupMs: 300 }, tokens: ['another'] });
  const config = await kubeconfig(t, cluster.url, { token: 'planted-token' });
  const cli = new Cli(t, ['run', '--kubeconfig', config, '--leader-elect=false', ...QUIET]);
  const said = await readyz(cli, 503, /informers-synced failed: .*credentials/);
  assert.match(said, /list.*nodes|nodes.*list/, 'which verb on which resource');
  await cluster.control.setTokens(['planted-token']);
  await cluster.control.startRollout();
  await readyz(cli, 200, /ok/);
  assert.equal((await rolledOut(cluster)).deletes, 5);
  assert.doesNotMatch(cli.output + said, /planted-token/);
});

const missingRights: { verb: string; resource: string; stream: string }[] = [
  { verb: 'list', resource: 'nodes', stream: 'nodes' },
  { verb: 'watch', resource: 'daemonsets', stream: 'daemonsets' },
  { verb: 'list', resource: 'pods', stream: 'pods of default/agent' },
];
test('run: 403 on what is read → not ready until it may, and says which verb on which resource', async (t) => {
  const cluster = await simulator(t, { scenario: { nodes: 5, startupMs: 300 } });
  const config = await kubeconfig(t, cluster.url);
  for (const { verb, resource, stream } of missingRights) {
    await cluster.control.setForbidden([{ verb, resource }]);
    const cli = new Cli(t, ['run', '--kubeconfig', config, '--leader-elect=false', ...QUIET]);
    const what = `cannot ${verb} resource "${resource}"`;
    const isSaid = () => cli.logs().some((line) => line.stream === stream && String(line.detail).includes(what));
    await eventually(`the log says ${what}`, isSaid);
    if (verb === 'list') await readyz(cli, 503, new RegExp(`${stream}: .*${what}`));
    await cluster.control.setForbidden([]);
    await readyz(cli, 200, /ok/);
    const isOver = () => cli.logs().some((line) => line.message === 'watch works again' && line.stream === stream);
    if (verb === 'watch') await eventually('the log says that it is over', isOver);
    cli.signal('SIGTERM');
    assert.equal(await cli.ended, 0, cli.output);
  }
});

test('run: 403 on the deletion → said in the log and in an event, nothing else stops; allowed → done', async (t) => {
  const cluster = await simulator(t, { scenario: { nodes: 5, startupMs: 300, maxUnavailable: '2' } });
  const config = await kubeconfig(t, cluster.url);
  await cluster.control.setForbidden([{ verb: 'delete', resource: 'pods' }]);
  const cli = new Cli(t, ['run', '--kubeconfig', config, '--leader-elect=false', ...QUIET]);
  await readyz(cli, 200, /ok/);
  await cluster.control.startRollout();
  await eventually('the log says so', () => /cannot delete resource \\"pods\\"/.test(cli.output));
  await eventually('an event says so', async () => {
    const answer = await fetch(`${cluster.url}/apis/events.k8s.io/v1/namespaces/default/events`);
    return /"reason":"WriteForbidden"/.test(await answer.text());
  });
  await cluster.control.setForbidden([]);
  const report = await rolledOut(cluster);
  assertClean(report);
  assert.equal(report.deletes, 5);
});

test('run: leader election → the second takes over after the first was stopped, with exit code 0; nothing twice', async (t) => {
  const cluster = await simulator(t, { scenario: { nodes: 40, startupMs: 6000, maxUnavailable: '8' } });
  const config = await kubeconfig(t, cluster.url);
  const first = new Cli(t, ['run', '--kubeconfig', config, ...QUIET]);
  await eventually(`the first leads: ${first.output}`, () => first.output.includes('became leader'));
  const second = new Cli(t, ['run', '--kubeconfig', config, ...QUIET]);
  await readyz(second, 200, /ok/);
  await readyz(first, 200, /ok/);
  await cluster.control.startRollout();
  await eventually('some are on their way', async () => (await cluster.control.report()).deletes >= 12);
  first.signal('SIGTERM');
  assert.equal(await first.ended, 0, first.output);
  const report = await rolledOut(cluster);
  assertClean(report);
  assert.equal(report.deletes, 40);
  await eventually('the second leads', () => second.output.includes('became leader'));
});

const mistakes: { name: string; args: string[]; says: RegExp }[] = [
  { name: 'no lanes', args: ['run', '--workers', '0'], says: /0.*1 to 64/s },
  { name: 'a share of a lane', args: ['run', '--daemonpodupdater-workers', '1.5'], says: /1\.5.*1 to 64/s },
  { name: 'a negative rate', args: ['run', '--kube-api-qps', '-1'], says: /--kube-api-qps/ },
  { name: 'a DaemonSet with a slash', args: ['plan', 'a/b'], says: /"a\/b" is not a DaemonSet/ },
  { name: 'a namespace that is none', args: ['status', '-n', 'Not_One'], says: /Not_One/ },
];
for (const { name, args, says } of mistakes) {
  test(`run: ${name} → exit code 2 and what is accepted`, async (t) => {
    const { code, stdout, stderr } = await runCli(t, args);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, says);
  });
}
