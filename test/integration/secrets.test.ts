import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import { loadConnection } from '../../src/client/credentials.ts';
import { makeCertificate } from '../client/certificates.ts';
import { dumpState } from './secrets-state.ts';
import { Cli, eventually, kubeconfig, rolledOut, simulator, startUpdater, temporaryFolder } from './support.ts';
import { view } from './view-commands.ts';

const TOKEN = 'planted-token-1b7e5a';
const SERVER_NAME = 'api.test';

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** The text at a URL of the cluster, asked for as somebody who may. */
function get(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const asked = request(url, { rejectUnauthorized: false, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('end', () => resolve(text));
    });
    asked.on('error', reject).end();
  });
}

async function filesIn(folder: string): Promise<Map<string, string>> {
  const names = await readdir(folder);
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  return new Map(names.map((name, index) => [name, texts[index] ?? '']));
}

async function secureCluster(t: TestContext) {
  const authority = makeCertificate({ name: 'authority' });
  const server = makeCertificate({ name: SERVER_NAME, issuer: authority });
  const client = makeCertificate({ name: 'tester', issuer: authority });
  const cluster = await simulator(t, {
    scenario: { nodes: 30, startupMs: 300, maxUnavailable: '6' },
    tokens: [TOKEN],
    certPem: server.certPem,
    keyPem: server.keyPem,
  });
  const config = await kubeconfig(
    t,
    cluster.url,
    {
      token: TOKEN,
      'client-certificate-data': base64(client.certPem),
      'client-key-data': base64(client.keyPem),
    },
    { 'certificate-authority-data': base64(authority.certPem), 'tls-server-name': SERVER_NAME },
  );
  const pems = [client.keyPem, client.certPem];
  const lines = pems.flatMap((pem) => pem.split('\n')).filter((line) => line.length > 30 && !line.startsWith('-----'));
  assert.ok(lines.length > 5);
  // Short pieces too: nothing says that a leak holds whole lines.
  const secrets = [
    TOKEN,
    base64(TOKEN),
    ...pems.map((pem) => base64(pem).slice(40, 80)),
    ...lines.map((line) => line.slice(2, 30)),
  ];
  return { cluster, config, secrets };
}

/** Everything that the running program tells this machine, if it is asked to. */
async function everyAnswer(health: string, metrics: string): Promise<Map<string, string>> {
  const answers = new Map<string, string>();
  const paths = ['/healthz', '/readyz?verbose', '/admin/status', '/admin/workers'];
  const profiles = ['/debug/pprof/profile?seconds=1&thread=all', '/debug/pprof/heap?seconds=1&thread=all'];
  for (const url of [...[...paths, ...profiles].map((path) => `${health}${path}`), `${metrics}/metrics`]) {
    const answer = await fetch(url);
    const text = await answer.text();
    assert.equal(answer.status, 200, `${url}: ${text.slice(0, 300)}`);
    answers.set(url, text);
  }
  return answers;
}

test('secrets: token, client key and certificate → in no log, event, error, metric, answer or profile, whatever goes wrong', async (t) => {
  const { cluster, config, secrets } = await secureCluster(t);
  const profiles = await temporaryFolder(t);
  const addresses = ['--metrics-bind-address', '127.0.0.1:0', '--health-probe-bind-address', '127.0.0.1:0'];
  addresses.push('--enable-debug-endpoints');
  const cli = new Cli(t, ['run', '--kubeconfig', config, '--log-level', 'debug', '--workers', '2', ...addresses], {
    nodeArgs: ['--cpu-prof', `--cpu-prof-dir=${profiles}`, '--heap-prof', `--heap-prof-dir=${profiles}`],
  });
  const health = await cli.address('health');
  const metrics = await cli.address('metrics');
  const answers: string[] = [];
  const readyz = async (): Promise<string> => {
    const text = await (await fetch(`${health}/readyz?verbose`)).text();
    answers.push(text);
    return text;
  };
  await eventually('it is ready', async () => (await readyz()).includes('check passed'));
  await cluster.control.setForbidden([{ verb: 'delete', resource: 'pods' }]);
  await cluster.control.startRollout();
  const events = async (): Promise<string> => get(`${cluster.url}/apis/events.k8s.io/v1/namespaces/default/events`);
  await eventually('deletions are forbidden, and an event says so', async () =>
    (await events()).includes('WriteForbidden'),
  );
  await eventually('the log says so', () => cli.output.includes('WriteForbidden'));
  // From here on an event may be refused for good, as any other request.
  await cluster.control.setFaults({ internalError: 0.1, throttled: 0.1, conflict: 0.1, lostAfter: 0.02 });
  await cluster.control.setForbidden([]);
  await cluster.control.setTokens(['another']);
  await cluster.control.endWatches();
  await eventually('the credentials are refused', () => /credentials|Unauthorized/.test(cli.output));
  await readyz();
  await cluster.control.setTokens([TOKEN]);
  await cluster.control.setFaults({});
  await eventually('some are replaced', async () => (await cluster.control.report()).deletes > 5);
  const asked = await everyAnswer(health, metrics);
  answers.push(await events());
  assert.match(answers.at(-1) ?? '', /WriteForbidden/);
  cli.signal('SIGTERM');
  assert.equal(await cli.ended, 0, cli.output);

  const written = await filesIn(profiles);
  const cpuProfiles = [...written].filter(([name]) => name.endsWith('.cpuprofile'));
  assert.ok(cpuProfiles.length >= 3, `the main thread and two lanes: ${[...written.keys()]}`);
  for (const [name, text] of written) {
    assert.doesNotThrow(() => JSON.parse(text), name);
  }
  for (const [name, text] of cpuProfiles) assert.match(text, /daemonpodupdater|src\/|workers\//, name);
  const everything = new Map([...written, ...asked, ['log', cli.output], ['answers', answers.join('\n')]]);
  for (const [name, text] of everything) {
    for (const secret of secrets) assert.ok(!text.includes(secret), `${name} holds ${secret.slice(0, 4)}…`);
  }
});

test('secrets: the state of the decisions, and everything shown of the program → none of them in it', async (t) => {
  const { cluster, config, secrets } = await secureCluster(t);
  const source = await loadConnection({ kubeconfig: config });
  t.after(() => source.close());
  const { updater, diary, stop } = await startUpdater(t, cluster, { connection: source.current() });
  await cluster.control.startRollout();
  await eventually('some are replaced', async () => (await cluster.control.report()).deletes > 5);
  const state = dumpState(updater.host.controller);
  const shown = inspect([updater, source, diary], {
    depth: Number.POSITIVE_INFINITY,
    showHidden: true,
    maxArrayLength: null,
    maxStringLength: null,
  });
  await stop();
  assert.ok(dumpState({ connection: source.current() }).includes(TOKEN), 'a dump tells everything');
  // It is complete: what only private fields and maps hold is there.
  for (const known of [...cluster.daemonSets, 'node-1', 'agent-']) assert.ok(state.includes(known), known);
  for (const secret of secrets) {
    assert.ok(!state.includes(secret), `the state holds ${secret.slice(0, 4)}…`);
    assert.ok(!shown.includes(secret), `what is shown holds ${secret.slice(0, 4)}…`);
  }
});

test('TLS: a server that nobody vouches for → refused, and with the flag a loud warning at every start', async (t) => {
  const server = makeCertificate({ name: SERVER_NAME });
  const settings = { scenario: { nodes: 3 }, certPem: server.certPem, keyPem: server.keyPem };
  const cluster = await simulator(t, settings);
  const args = ['--kubeconfig', await kubeconfig(t, cluster.url)];
  const refused = await view(['plan', 'agent', ...args]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /certificate/);
  const warning = /TLS verification is OFF .*anybody on the way to the API server can read and change everything/;
  assert.doesNotMatch(refused.stderr, warning);
  const flag = '--insecure-skip-tls-verify';
  const { code, stderr } = await view(['plan', 'agent', ...args, flag]);
  assert.equal(code, 0, stderr);
  assert.match(stderr, warning);
  const off = ['--metrics-bind-address', '0', '--health-probe-bind-address', '0', '--log-level', 'error'];
  const cli = new Cli(t, ['run', ...args, flag, '--leader-elect=false', '--workers', '1', ...off]);
  await cluster.control.startRollout();
  assert.equal((await rolledOut(cluster)).deletes, 3);
  await eventually('it warns where only errors are logged, too', () => warning.test(cli.stderr));
});

test('secrets: plan and status → the cluster over TLS, and nothing of the credentials in what they say', async (t) => {
  const { cluster, config, secrets } = await secureCluster(t);
  for (const tokens of [[TOKEN], ['another']]) {
    await cluster.control.setTokens(tokens);
    for (const args of [
      ['plan', 'agent'],
      ['status', '-o', 'json'],
    ]) {
      const { code, stdout, stderr } = await view([...args, '--kubeconfig', config]);
      assert.equal(code, tokens[0] === TOKEN ? 0 : 1, stderr);
      for (const secret of secrets) assert.ok(!`${stdout}${stderr}`.includes(secret));
    }
  }
});

test('secrets: a rollout over TLS with client certificate → done', async (t) => {
  const { cluster, config } = await secureCluster(t);
  const off = ['--metrics-bind-address', '0', '--health-probe-bind-address', '0'];
  const cli = new Cli(t, ['run', '--kubeconfig', config, '--leader-elect=false', '--workers', '2', ...off]);
  await eventually('it has started', () => cli.output.includes('"started"')).catch((error: Error) => {
    throw new Error(`${error.message}: ${cli.output}`);
  });
  await cluster.control.startRollout();
  assert.equal((await rolledOut(cluster)).deletes, 30);
});
