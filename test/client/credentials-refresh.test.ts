import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { loadConnection } from '../../src/client/credentials.ts';
import { makeCertificate } from './certificates.ts';
import { folderOf, kubeconfig, load, SECRET, write } from './kubeconfig-fixtures.ts';
import { eventually } from './local-server.ts';

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

test('credentials: periodic read → changes are told, failures too, and the old connection stays', async (t) => {
  const { openConnectionSource } = await import('../../src/client/connection-source.ts');
  const file = write(folderOf(t), 'config', kubeconfig());
  const { current } = await load(t, { kubeconfig: file });
  let token = 'Bearer 1';
  let isBroken = false;
  const source = await openConnectionSource(async () => {
    if (isBroken) throw new Error('broken');
    return {
      connection: { ...current(), authorization: token },
      namespace: 'n',
      contextName: 'c',
      isInCluster: false,
      warnings: [],
    };
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
    return { connection: current(), namespace: 'n', contextName: 'c', isInCluster: false, warnings: [] };
  });
  t.after(() => source.close());
  await Promise.all([source.refresh(), source.refresh(), source.refresh()]);
  assert.equal(reads, 2);
});
