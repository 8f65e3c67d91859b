import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { folderOf, kubeconfig, load, SECRET, write } from './kubeconfig-fixtures.ts';

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
  ['impersonation', { user: { as: 'somebody' } }, { headers: { 'impersonate-user': ['somebody'] } }],
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
