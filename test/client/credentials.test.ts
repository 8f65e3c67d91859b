import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import type { CredentialError } from '../../src/client/credential-error.ts';
import { loadConnection } from '../../src/client/credentials.ts';
import { makeCertificate } from './certificates.ts';
import { eventually } from './local-server.ts';

const SECRET = 'planted-secret';

/** A folder that ends with the test; the environment has no kubeconfig in it. */
function folderOf(t: TestContext): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'credentials-'));
  const { KUBECONFIG, HOME, KUBERNETES_SERVICE_HOST, KUBERNETES_SERVICE_PORT } = process.env;
  process.env.HOME = folder;
  for (const name of ['KUBECONFIG', 'KUBERNETES_SERVICE_HOST', 'KUBERNETES_SERVICE_PORT']) delete process.env[name];
  t.after(() => {
    rmSync(folder, { recursive: true });
    for (const [name, value] of Object.entries({
      KUBECONFIG,
      HOME,
      KUBERNETES_SERVICE_HOST,
      KUBERNETES_SERVICE_PORT,
    })) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
  return folder;
}

interface Choice {
  readonly cluster?: object;
  readonly user?: object;
  readonly context?: object;
  readonly currentContext?: string;
  readonly suffix?: string;
}

/** JSON is YAML. */
function kubeconfig(choice: Choice = {}): string {
  const suffix = choice.suffix ?? '';
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': choice.currentContext ?? `main${suffix}`,
    clusters: [{ name: `c${suffix}`, cluster: { server: `https://api${suffix}.test:6443/`, ...choice.cluster } }],
    users: [{ name: `u${suffix}`, user: { token: SECRET, ...choice.user } }],
    contexts: [{ name: `main${suffix}`, context: { cluster: `c${suffix}`, user: `u${suffix}`, ...choice.context } }],
  });
}

function write(folder: string, name: string, text: string): string {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

async function load(t: TestContext, options: Parameters<typeof loadConnection>[0]) {
  const source = await loadConnection(options);
  t.after(() => source.close());
  return source;
}

test('credentials: token, CA, namespace, proxy, server name → the connection', async (t) => {
  const folder = folderOf(t);
  write(folder, 'pki/ca.crt', 'the CA');
  const cluster = {
    'certificate-authority': 'pki/ca.crt',
    'proxy-url': 'http://proxy.test:3128',
    'tls-server-name': 'kubernetes',
  };
  const file = write(folder, 'config', kubeconfig({ cluster, context: { namespace: 'edge' } }));
  const source = await load(t, { kubeconfig: file });
  const { userAgent, ...connection } = source.current();
  assert.deepEqual(connection, {
    serverUrl: 'https://api.test:6443',
    authorization: `Bearer ${SECRET}`,
    headers: {},
    caPem: 'the CA',
    certPem: undefined,
    keyPem: undefined,
    serverName: 'kubernetes',
    isTlsVerified: true,
    proxyUrl: 'http://proxy.test:3128',
  });
  assert.match(userAgent, /^daemonpodupdater\/\d/);
  assert.equal(source.namespace, 'edge');
  assert.equal(source.contextName, 'main');
  assert.deepEqual(source.warnings, []);
});

for (const [name, choice, expected] of [
  ['CA data', { cluster: { 'certificate-authority-data': btoa('CA in the file') } }, { caPem: 'CA in the file' }],
  [
    'user and password',
    { user: { token: undefined, username: 'me', password: 'pass' } },
    { authorization: `Basic ${btoa('me:pass')}` },
  ],
  ['impersonation', { user: { as: 'somebody' } }, { headers: { 'impersonate-user': 'somebody' } }],
  [
    'no user',
    { context: { user: undefined }, cluster: { 'certificate-authority-data': btoa('CA') } },
    { authorization: undefined, caPem: 'CA' },
  ],
  [
    'a path in the URL',
    { cluster: { server: 'https://rancher.test/k8s/clusters/c-1' } },
    { serverUrl: 'https://rancher.test/k8s/clusters/c-1' },
  ],
  [
    'plain HTTP',
    { cluster: { server: 'http://127.0.0.1:8001' } },
    { serverUrl: 'http://127.0.0.1:8001', isTlsVerified: true },
  ],
  ['no verification', { cluster: { 'insecure-skip-tls-verify': true } }, { isTlsVerified: false }],
] as const) {
  test(`credentials: kubeconfig with ${name} → the connection says so`, async (t) => {
    const file = write(folderOf(t), 'config', kubeconfig(choice));
    const source = await load(t, { kubeconfig: file });
    assert.deepEqual({ ...source.current(), ...expected }, source.current());
  });
}

test('credentials: TLS verification switched off, or no TLS → a warning', async (t) => {
  const folder = folderOf(t);
  const insecure = write(folder, 'a', kubeconfig({ cluster: { 'insecure-skip-tls-verify': true } }));
  const plain = write(folder, 'b', kubeconfig({ cluster: { server: 'http://api.test' } }));
  assert.match((await load(t, { kubeconfig: insecure })).warnings.join(), /insecure-skip-tls-verify/);
  assert.match((await load(t, { kubeconfig: plain })).warnings.join(), /without encryption/);
});

test('credentials: $KUBECONFIG with several files → merged, the first wins, missing ones are left out', async (t) => {
  const folder = folderOf(t);
  const first = write(folder, 'one', kubeconfig({ suffix: '1' }));
  const second = write(folder, 'two', kubeconfig({ suffix: '2', user: { token: 'second' } }));
  const third = write(folder, 'three', kubeconfig({ suffix: '1', user: { token: 'loses' } }));
  process.env.KUBECONFIG = [path.join(folder, 'missing'), first, second, third].join(path.delimiter);
  assert.equal((await load(t, {})).current().authorization, `Bearer ${SECRET}`);
  const other = await load(t, { context: 'main2' });
  assert.equal(other.current().serverUrl, 'https://api2.test:6443');
  assert.equal(other.current().authorization, 'Bearer second');
});

test('credentials: nothing given → ~/.kube/config', async (t) => {
  write(folderOf(t), '.kube/config', kubeconfig());
  assert.equal((await load(t, {})).contextName, 'main');
});

test('credentials: in a pod → the service account; a kubeconfig or context that is asked for wins', async (t) => {
  const folder = folderOf(t);
  const root = 'var/run/secrets/kubernetes.io/serviceaccount';
  write(folder, `${root}/token`, 'sa-token\n');
  write(folder, `${root}/ca.crt`, 'sa-ca');
  write(folder, `${root}/namespace`, 'kube-system\n');
  const file = write(folder, '.kube/config', kubeconfig());
  process.env.KUBERNETES_SERVICE_HOST = 'fd00::1';
  process.env.KUBERNETES_SERVICE_PORT = '443';
  const source = await load(t, { filesRoot: `${folder}/` });
  assert.equal(source.current().serverUrl, 'https://[fd00::1]');
  assert.equal(source.current().authorization, 'Bearer sa-token');
  assert.equal(source.current().caPem, 'sa-ca');
  assert.equal(source.namespace, 'kube-system');
  assert.equal((await load(t, { filesRoot: `${folder}/`, kubeconfig: file })).contextName, 'main');
  assert.equal((await load(t, { filesRoot: `${folder}/`, context: 'main' })).contextName, 'main');

  writeFileSync(path.join(folder, root, 'token'), 'rotated');
  assert.equal((await source.refresh()).authorization, 'Bearer rotated');
});

test('credentials: tokenFile → read again on refresh; whoever listens is told once', async (t) => {
  const folder = folderOf(t);
  const token = write(folder, 'token', 'one\n');
  const file = write(folder, 'config', kubeconfig({ user: { token: undefined, tokenFile: 'token' } }));
  const source = await load(t, { kubeconfig: file });
  const changes: (string | undefined)[] = [];
  source.onChange(({ authorization }) => changes.push(authorization));
  assert.equal(source.current().authorization, 'Bearer one');
  await source.refresh();
  writeFileSync(token, 'two\n');
  await Promise.all([source.refresh(), source.refresh()]);
  assert.equal(source.current().authorization, 'Bearer two');
  assert.deepEqual(changes, ['Bearer two']);
});

/** A plugin that counts how often it ran and answers with that number. */
function plugin(folder: string, status: string): object {
  const script = `#!/bin/sh\necho run >> "${folder}/runs"\nprintf '%s' "$KUBERNETES_EXEC_INFO" > "${folder}/info"\n${status}\n`;
  chmodSync(write(folder, 'plugin', script), 0o755);
  return {
    token: undefined,
    exec: { apiVersion: 'client.authentication.k8s.io/v1', command: './plugin', interactiveMode: 'Never' },
  };
}

test('credentials: exec plugin → its token; it runs again on refresh only; it is told what is asked', async (t) => {
  const folder = folderOf(t);
  const user = plugin(folder, `echo '{"status":{"token":"${SECRET}-exec"}}'`);
  const source = await load(t, { kubeconfig: write(folder, 'config', kubeconfig({ user })) });
  assert.equal(source.current().authorization, `Bearer ${SECRET}-exec`);
  await source.refresh();
  assert.equal(readFileSync(path.join(folder, 'runs'), 'utf8'), 'run\nrun\n');
  const info = JSON.parse(readFileSync(path.join(folder, 'info'), 'utf8'));
  assert.deepEqual(info, {
    kind: 'ExecCredential',
    apiVersion: 'client.authentication.k8s.io/v1',
    spec: { interactive: false },
  });
});

function certificate(folder: string, name: string, notAfter: Date): object {
  const { certPem, keyPem } = makeCertificate({ name: 'me', notAfter });
  write(folder, `${name}.crt`, certPem);
  write(folder, `${name}.key`, keyPem);
  return { token: undefined, 'client-certificate': `${name}.crt`, 'client-key': `${name}.key` };
}

test('credentials: client certificate → handed over; an expired one → refused with its date', async (t) => {
  const folder = folderOf(t);
  const valid = write(folder, 'valid', kubeconfig({ user: certificate(folder, 'valid', new Date('2099-01-01')) }));
  const expired = write(
    folder,
    'expired',
    kubeconfig({ user: certificate(folder, 'expired', new Date('2021-01-01')) }),
  );
  const source = await load(t, { kubeconfig: valid });
  assert.match(source.current().certPem ?? '', /BEGIN CERTIFICATE/);
  assert.match(source.current().keyPem ?? '', /PRIVATE KEY/);
  assert.equal(source.current().authorization, undefined);
  await assert.rejects(loadConnection({ kubeconfig: expired }), { code: 'certificate-expired', message: /2021-01-01/ });

  writeFileSync(path.join(folder, 'valid.crt'), readFileSync(path.join(folder, 'expired.crt')));
  await assert.rejects(source.refresh(), { code: 'certificate-expired' });
  assert.match(source.current().certPem ?? '', /BEGIN CERTIFICATE/);
});

interface BadRow {
  readonly code: CredentialError['code'];
  readonly says: RegExp;
  readonly text?: string;
  readonly context?: string;
}

const bad: Readonly<Record<string, BadRow>> = {
  'is missing': { code: 'kubeconfig-missing', says: /no kubeconfig at .*config \(--kubeconfig\)/ },
  'is empty': { code: 'kubeconfig-malformed', says: /is not a kubeconfig/, text: '' },
  'is a list': { code: 'no-current-context', says: /it has none/, text: '- a' },
  'is not YAML': { code: 'kubeconfig-malformed', says: /\(line 2\)/, text: `a: "${SECRET}\nb: [c` },
  'is binary': { code: 'kubeconfig-malformed', says: /is not a kubeconfig/, text: '\0\u0001\0' },
  'has a cluster without server': {
    code: 'kubeconfig-malformed',
    says: /server is missing/,
    text: kubeconfig({ cluster: { server: '' } }),
  },
  'has a server that is no URL': {
    code: 'kubeconfig-malformed',
    says: /not an http or https URL/,
    text: kubeconfig({ cluster: { server: 'api.test' } }),
  },
  'has no current context': {
    code: 'no-current-context',
    says: /choose one with --context \(it has main\)/,
    text: kubeconfig({ currentContext: '' }),
  },
  'has no such context': {
    code: 'context-missing',
    says: /no context other \(it has main\)/,
    text: kubeconfig(),
    context: 'other',
  },
  'names a cluster that is missing': {
    code: 'cluster-missing',
    says: /names cluster x/,
    text: kubeconfig({ context: { cluster: 'x' } }),
  },
  'names a user that is missing': {
    code: 'user-missing',
    says: /names user x/,
    text: kubeconfig({ context: { user: 'x' } }),
  },
  'names a CA that is missing': {
    code: 'file-unreadable',
    says: /no-such-ca.*ENOENT/,
    text: kubeconfig({ cluster: { 'certificate-authority': 'no-such-ca' } }),
  },
  'has a certificate that is none': {
    code: 'certificate-malformed',
    says: /not a PEM certificate/,
    text: kubeconfig({ user: { 'client-certificate-data': btoa(SECRET), 'client-key-data': btoa('x') } }),
  },
  'has a plugin that is missing': {
    code: 'exec-plugin-failed',
    says: /no-such-plugin.*ENOENT.*run it by hand/,
    text: kubeconfig({ user: { token: undefined, exec: { command: 'no-such-plugin' } } }),
  },
  'has a plugin that fails': {
    code: 'exec-plugin-failed',
    says: /go and log in/,
    text: kubeconfig({
      user: { token: undefined, exec: { command: 'sh', args: ['-c', 'echo go and log in >&2; exit 1'] } },
    }),
  },
  'has a plugin that says no JSON': {
    code: 'exec-plugin-failed',
    says: /not an ExecCredential/,
    text: kubeconfig({ user: { token: undefined, exec: { command: 'echo', args: [SECRET] } } }),
  },
  'has a plugin that says other JSON': {
    code: 'exec-plugin-failed',
    says: /not an ExecCredential/,
    text: kubeconfig({ user: { token: undefined, exec: { command: 'echo', args: ['{}'] } } }),
  },
};

for (const [name, { code, says, text, context }] of Object.entries(bad)) {
  test(`credentials: kubeconfig that ${name} → ${code}, and no secret in the message`, async (t) => {
    const file = path.join(folderOf(t), 'config');
    if (text !== undefined) writeFileSync(file, text);
    await assert.rejects(
      loadConnection({ kubeconfig: file, ...(context === undefined ? {} : { context }) }),
      (error: CredentialError) => {
        assert.equal(error.code, code, error.message);
        assert.match(error.message, says);
        assert.ok(!error.message.includes(SECRET), error.message);
        return true;
      },
    );
  });
}

test('credentials: kubeconfig that is a folder → unreadable', async (t) => {
  await assert.rejects(loadConnection({ kubeconfig: folderOf(t) }), {
    code: 'kubeconfig-unreadable',
    message: /EISDIR/,
  });
});

test('credentials: loading → none of the generated API client', async (t) => {
  const script = `
    import { registerHooks } from 'node:module';
    let count = 0;
    registerHooks({ load(url, context, next) { if (url.includes('client-node/dist/gen')) count++; return next(url, context); } });
    const { loadConnection } = await import('${new URL('../../src/client/credentials.ts', import.meta.url)}');
    (await loadConnection({ kubeconfig: process.argv[1] })).close();
    console.log(count);`;
  const file = write(folderOf(t), 'config', kubeconfig());
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script, file], { encoding: 'utf8' });
  assert.equal(output.trim(), '0');
});

test('credentials: periodic read → changes are told, failures too, and the old connection stays', async (t) => {
  const { openConnectionSource } = await import('../../src/client/connection-source.ts');
  const file = write(folderOf(t), 'config', kubeconfig());
  const { current } = await load(t, { kubeconfig: file });
  let token = 'Bearer 1';
  let isBroken = false;
  const source = await openConnectionSource(async () => {
    if (isBroken) throw new Error('broken');
    return { connection: { ...current(), authorization: token }, namespace: 'n', contextName: 'c', warnings: [] };
  }, 1);
  t.after(() => source.close());
  const told: (string | undefined)[] = [];
  let problems = 0;
  source.onChange(({ authorization }) => told.push(authorization));
  source.onProblem(() => problems++);
  // The source's own timer does not keep the process alive; this one does.
  const alive = setInterval(() => {}, 5);
  t.after(() => clearInterval(alive));
  token = 'Bearer 2';
  await eventually('the change', () => told.length === 1);
  isBroken = true;
  await eventually('the failure', () => problems > 0);
  assert.deepEqual(told, ['Bearer 2']);
  assert.equal(source.current().authorization, 'Bearer 2');
});

test('credentials: refresh called by many at once → one read', async (t) => {
  const { openConnectionSource } = await import('../../src/client/connection-source.ts');
  const file = write(folderOf(t), 'config', kubeconfig());
  const { current } = await load(t, { kubeconfig: file });
  let reads = 0;
  const source = await openConnectionSource(async () => {
    reads++;
    return { connection: current(), namespace: 'n', contextName: 'c', warnings: [] };
  });
  t.after(() => source.close());
  await Promise.all([source.refresh(), source.refresh(), source.refresh()]);
  assert.equal(reads, 2);
});
