import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { format, inspect } from 'node:util';
import { ApiClient } from '../../src/client/api.ts';
import { loadConnection } from '../../src/client/credentials.ts';
import { createLogger } from '../../src/manager/logging.ts';
import { apiHttp } from '../../workers/api-http.ts';
import { makeCertificate } from '../client/certificates.ts';
import { connectionTo } from '../client/local-server.ts';

const TOKEN = 'planted-token-77aa';

async function loaded(
  t: TestContext,
  cluster: Readonly<Record<string, unknown>> = {},
  choice: { readonly shouldSkipTlsVerify?: boolean } = {},
) {
  const folder = await mkdtemp(join(tmpdir(), 'daemonpodupdater-test-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'kubeconfig');
  const client = makeCertificate({ name: 'tester', issuer: makeCertificate({ name: 'authority' }) });
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const user = {
    token: TOKEN,
    'client-certificate-data': base64(client.certPem),
    'client-key-data': base64(client.keyPem),
  };
  const config = {
    'current-context': 'test',
    clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:6443', ...cluster } }],
    contexts: [{ name: 'test', context: { cluster: 'c', user: 'u' } }],
    users: [{ name: 'u', user }],
  };
  await writeFile(path, JSON.stringify(config));
  const source = await loadConnection({ kubeconfig: path, ...choice });
  t.after(() => source.close());
  return { source, keyLine: client.keyPem.split('\n')[1] ?? '' };
}

test('connection: shown, logged, made into JSON, alone or in what holds it → where it leads, no secret', async (t) => {
  const { source, keyLine } = await loaded(t);
  const connection = source.current();
  assert.equal(connection.authorization, `Bearer ${TOKEN}`);
  assert.ok(connection.keyPem?.includes(keyLine));
  const client = new ApiClient({ connection, connectionsMax: 1 });
  const http = apiHttp({ connection, connectionsMax: 1, connections: 1 });
  t.after(() => Promise.all([client.close(), http.close()]));
  const lines: string[] = [];
  const logger = createLogger({ level: 'debug', format: 'json', stream: { write: (line) => lines.push(line) } });
  const holder = {
    deep: [{ connection }],
    map: new Map([['c', connection]]),
    error: new Error('x', { cause: connection }),
  };
  logger.log('warn', 'x', { ...holder } as never);
  logger.log('warn', 'x', { holder: { holder } } as never);
  const plain = connectionTo('https://127.0.0.1:6443', { authorization: `Bearer ${TOKEN}`, keyPem: keyLine });
  const plainClient = new ApiClient({ connection: plain, connectionsMax: 1 });
  t.after(() => plainClient.close());
  const shown = [
    inspect(holder, { depth: 20, showHidden: true }),
    format('%o %j %s', connection, holder, connection),
    JSON.stringify([connection, holder]),
    inspect([client, http, source, plainClient], { depth: 20, showHidden: true }),
    lines.join(''),
  ];
  for (const text of shown) {
    assert.ok(!text.includes(TOKEN) && !text.includes(keyLine), text.slice(0, 300));
  }
  assert.match(shown[0] ?? '', /connection to 127\.0\.0\.1:6443/);
});

test('connection: cloned for a worker thread → complete', async (t) => {
  const connection = (await loaded(t)).source.current();
  assert.equal(structuredClone(connection).authorization, `Bearer ${TOKEN}`);
  assert.deepEqual(structuredClone(connection), { ...connection });
});

test('TLS: nothing said → verified, no warning; switched off → it says so loudly', async (t) => {
  const usual = await loaded(t);
  assert.equal(usual.source.current().isTlsVerified, true);
  assert.deepEqual(usual.source.warnings, []);
  const inKubeconfig = await loaded(t, { 'insecure-skip-tls-verify': true });
  const byFlag = await loaded(t, {}, { shouldSkipTlsVerify: true });
  for (const { source } of [inKubeconfig, byFlag]) {
    assert.equal(source.current().isTlsVerified, false);
    const [warning] = source.warnings;
    assert.match(warning ?? '', /TLS verification is OFF .*insecure-skip-tls-verify.* can read and change everything/);
  }
  const open = await loaded(t, { server: 'http://127.0.0.1:8080' });
  assert.match(open.source.warnings.join(), /without encryption/);
});
