import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadConnection } from '../../src/client/credentials.ts';
import {
  ANSWER,
  API_VERSION,
  CREDENTIAL,
  folderOf,
  kubeconfig,
  load,
  pluginUser,
  SECRET,
  write,
} from './kubeconfig-fixtures.ts';

/** What the plugin was told, beside the version. */
async function toldTo(t: TestContext, choice: { cluster?: object; exec?: object; skip?: boolean }): Promise<unknown> {
  const folder = folderOf(t);
  write(folder, 'pki/ca.crt', 'the CA');
  const told = path.join(folder, 'told');
  const user = pluginUser(choice.exec ?? {}, `printenv KUBERNETES_EXEC_INFO > '${told}'; ${ANSWER}`);
  const file = write(folder, 'config', kubeconfig({ user, cluster: choice.cluster ?? {} }));
  const source = await load(t, { kubeconfig: file, shouldSkipTlsVerify: choice.skip ?? false });
  assert.equal(source.current().authorization, 'Bearer from-the-plugin');
  const { kind, apiVersion, spec } = JSON.parse(readFileSync(told, 'utf8')) as Record<string, unknown>;
  assert.deepEqual([kind, apiVersion], ['ExecCredential', API_VERSION]);
  return spec;
}

test('trust 19: exec plugin with provideClusterInfo → is told the cluster, its CA and what is meant for plugins', async (t) => {
  const cluster = {
    server: 'https://api.test:6443/path/',
    'certificate-authority': 'pki/ca.crt',
    'tls-server-name': 'kubernetes',
    'proxy-url': 'http://proxy.test:3128',
    'disable-compression': true,
    extensions: [
      { name: 'other', extension: { a: 1 } },
      { name: 'client.authentication.k8s.io/exec', extension: { audience: 'edge' } },
    ],
  };
  assert.deepEqual(await toldTo(t, { cluster, exec: { provideClusterInfo: true, interactiveMode: 'IfAvailable' } }), {
    interactive: false,
    cluster: {
      server: 'https://api.test:6443/path/',
      'tls-server-name': 'kubernetes',
      'certificate-authority-data': btoa('the CA'),
      'proxy-url': 'http://proxy.test:3128',
      'disable-compression': true,
      config: { audience: 'edge' },
    },
  });
});

test('trust 19: the same with CA data, and with verification switched off → told so', async (t) => {
  const data = { 'certificate-authority-data': btoa('CA data') };
  const exec = { provideClusterInfo: true };
  assert.deepEqual(await toldTo(t, { cluster: data, exec }), {
    interactive: false,
    cluster: { server: 'https://api.test:6443/', ...data },
  });
  assert.deepEqual(await toldTo(t, { cluster: data, exec, skip: true }), {
    interactive: false,
    cluster: { server: 'https://api.test:6443/', 'insecure-skip-tls-verify': true },
  });
});

test('trust 19: exec plugin that does not ask for it → is not told the cluster', async (t) => {
  assert.deepEqual(await toldTo(t, {}), { interactive: false });
  assert.deepEqual(await toldTo(t, { exec: { provideClusterInfo: false } }), { interactive: false });
});

test('trust 19: exec plugin that asks a question → gets no answer, and does not wait for one', async (t) => {
  const user = pluginUser({}, `read answer && exit 1; ${ANSWER}`);
  const source = await load(t, { kubeconfig: write(folderOf(t), 'config', kubeconfig({ user })) });
  assert.equal(source.current().authorization, 'Bearer from-the-plugin');
});

test('trust 19: exec plugin or auth provider that gives no credentials → refused, nothing is asked as anonymous', async (t) => {
  const folder = folderOf(t);
  const empty = JSON.stringify({ ...CREDENTIAL, status: {} });
  const plugin = write(folder, 'a', kubeconfig({ user: pluginUser({}, `echo '${empty}'`) }));
  await assert.rejects(loadConnection({ kubeconfig: plugin }), {
    code: 'exec-plugin-failed',
    message: /no credentials/,
  });
  const provider = { token: undefined, 'auth-provider': { name: 'oidc', config: { 'client-id': 'x' } } };
  const oidc = write(folder, 'b', kubeconfig({ user: provider }));
  await assert.rejects(loadConnection({ kubeconfig: oidc }), {
    code: 'auth-provider-failed',
    message: /no credentials/,
  });
});

test('trust 19: exec plugin that is missing → the hint how to install it is in the message', async (t) => {
  const exec = { apiVersion: API_VERSION, command: 'no-such-plugin', installHint: 'get it\nfrom the shelf' };
  const file = write(folderOf(t), 'config', kubeconfig({ user: { token: undefined, exec } }));
  await assert.rejects(loadConnection({ kubeconfig: file }), { message: /ENOENT.*\(get it from the shelf\)$/ });
});

test('trust 19: a token beside an exec plugin → the token counts, and the plugin does not run', async (t) => {
  const folder = folderOf(t);
  const ran = path.join(folder, 'ran');
  const user = { ...pluginUser({}, `touch '${ran}'; ${ANSWER}`), token: SECRET };
  const source = await load(t, { kubeconfig: write(folder, 'config', kubeconfig({ user })) });
  assert.equal(source.current().authorization, `Bearer ${SECRET}`);
  assert.ok(!existsSync(ran));
});
