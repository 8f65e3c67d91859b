import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CredentialError } from '../../src/client/credential-error.ts';
import { loadConnection } from '../../src/client/credentials.ts';
import { folderOf, kubeconfig, load, pluginUser, SECRET, write } from './kubeconfig-fixtures.ts';

const impersonated: readonly { name: string; user: object; headers: Record<string, readonly string[]> }[] = [
  { name: 'as', user: { as: 'robot' }, headers: { 'impersonate-user': ['robot'] } },
  {
    name: 'as-groups',
    user: { as: 'robot', 'as-groups': ['a', 'b, c', 'system:masters'] },
    headers: { 'impersonate-user': ['robot'], 'impersonate-group': ['a', 'b, c', 'system:masters'] },
  },
  {
    name: 'as-uid',
    user: { as: 'robot', 'as-uid': '6d8e' },
    headers: { 'impersonate-user': ['robot'], 'impersonate-uid': ['6d8e'] },
  },
  {
    name: 'as-user-extra',
    user: { as: 'robot', 'as-user-extra': { scopes: ['view', 'edit'], 'a/B%c': ['x'], none: [] } },
    headers: {
      'impersonate-user': ['robot'],
      'impersonate-extra-scopes': ['view', 'edit'],
      'impersonate-extra-a%2Fb%25c': ['x'],
    },
  },
  {
    name: 'a name beyond ASCII',
    user: { as: 'Zoë' },
    headers: { 'impersonate-user': [Buffer.from('Zoë').toString('latin1')] },
  },
  { name: 'empty values', user: { as: '', 'as-uid': '', 'as-groups': [], 'as-user-extra': {} }, headers: {} },
];
for (const { name, user, headers } of impersonated) {
  test(`trust 19: kubeconfig with ${name} → in the headers of the connection`, async (t) => {
    const source = await load(t, { kubeconfig: write(folderOf(t), 'config', kubeconfig({ user })) });
    assert.deepEqual(source.current().headers, headers);
    assert.equal(source.current().authorization, `Bearer ${SECRET}`);
    assert.deepEqual(source.warnings, []);
  });
}

const refused: readonly { name: string; choice: Parameters<typeof kubeconfig>[0]; says: RegExp }[] = [
  { name: 'as-groups without as', choice: { user: { 'as-groups': ['a'] } }, says: /as-groups.*need `as`/ },
  { name: 'as-uid without as', choice: { user: { 'as-uid': '1' } }, says: /as-uid.*need `as`/ },
  {
    name: 'as-user-extra without as',
    choice: { user: { 'as-user-extra': { a: ['b'] } } },
    says: /as-user-extra.*need/,
  },
  {
    name: 'one group as text',
    choice: { user: { as: 'x', 'as-groups': 'a' } },
    says: /as-groups: it has to be a list/,
  },
  { name: 'a number as uid', choice: { user: { as: 'x', 'as-uid': 7 } }, says: /as-uid: it has to be text/ },
  {
    name: 'extra as a list',
    choice: { user: { as: 'x', 'as-user-extra': ['a'] } },
    says: /as-user-extra.*map of lists/,
  },
  {
    name: 'an extra that is no list',
    choice: { user: { as: 'x', 'as-user-extra': { a: 'b' } } },
    says: /extra\.a: it/,
  },
  {
    name: 'a second header in a name',
    choice: { user: { as: 'x\r\nimpersonate-group: y' } },
    says: /has as: it has to/,
  },
  {
    name: 'a plugin that needs a person',
    choice: { user: pluginUser({ interactiveMode: 'Always' }) },
    says: /interactiveMode Always: nobody sits/,
  },
  {
    name: 'a mode that is none',
    choice: { user: pluginUser({ interactiveMode: 'Sometimes' }) },
    says: /interactiveMode "Sometimes"/,
  },
  {
    name: 'a plugin of another kind',
    choice: { user: pluginUser({ apiVersion: 'client.authentication.k8s.io/v9' }) },
    says: /exec\.apiVersion ".*v9"/,
  },
  {
    name: 'an auth provider that is not known',
    choice: { user: { token: undefined, 'auth-provider': { name: 'keystone', config: {} } } },
    says: /auth-provider "keystone": known are oidc/,
  },
  {
    name: 'a plugin and an auth provider',
    choice: { user: { ...pluginUser({}), 'auth-provider': { name: 'oidc' } } },
    says: /exec and auth-provider/,
  },
  {
    name: 'a token and a username',
    choice: { user: { username: 'me', password: 'x' } },
    says: /a token and a username/,
  },
  {
    name: 'a plugin and a username',
    choice: { user: { ...pluginUser({}), username: 'me' } },
    says: /exec and username/,
  },
  { name: 'a misspelt token file', choice: { user: { 'token-file': 'x' } }, says: /its name is tokenFile/ },
  {
    name: 'a CA twice',
    choice: { cluster: { 'certificate-authority': 'x', 'certificate-authority-data': 'eA==' } },
    says: /cluster "c" has certificate-authority and certificate-authority-data/,
  },
  {
    name: 'a key without certificate',
    choice: { user: { 'client-key-data': 'eA==' } },
    says: /has client-key: it needs/,
  },
  {
    name: 'a certificate without key',
    choice: { user: { 'client-certificate-data': 'eA==' } },
    says: /has client-certificate: it needs/,
  },
  {
    name: 'verification switched off in words',
    choice: { cluster: { 'insecure-skip-tls-verify': 'true' } },
    says: /insecure-skip-tls-verify: it has to be true or false/,
  },
];
for (const { name, choice, says } of refused) {
  test(`trust 19: kubeconfig with ${name} → refused by name, and no secret in the message`, async (t) => {
    const file = write(folderOf(t), 'config', kubeconfig(choice));
    await assert.rejects(loadConnection({ kubeconfig: file }), (error: CredentialError) => {
      assert.equal(error.code, 'field-unusable', error.message);
      assert.match(error.message, says);
      assert.ok(error.message.startsWith(`${file}: `) && !error.message.includes(SECRET), error.message);
      return true;
    });
  });
}

test('trust 19: fields that nobody knows → a warning each, with its name', async (t) => {
  const choice = {
    cluster: { 'tls-servername': 'x' },
    user: { 'as-group': ['admins'], extensions: [] },
    context: { namespaces: 'x' },
  };
  const source = await load(t, { kubeconfig: write(folderOf(t), 'config', kubeconfig(choice)) });
  assert.deepEqual(
    source.warnings.map((warning) => /: (.*?), which is not known/.exec(warning)?.[1]),
    [
      'context "main" has the field "namespaces"',
      'cluster "c" has the field "tls-servername"',
      'user "u" has the field "as-group"',
    ],
  );
});

test('trust 19: every field that kubectl knows → no warning', async (t) => {
  const choice = {
    cluster: { 'insecure-skip-tls-verify': false, 'disable-compression': true, extensions: [] },
    user: {
      token: SECRET,
      tokenFile: '',
      as: 'x',
      'client-key': '',
      'client-certificate': '',
      username: '',
      extensions: [],
    },
    context: { namespace: 'x', extensions: [] },
  };
  const source = await load(t, { kubeconfig: write(folderOf(t), 'config', kubeconfig(choice)) });
  assert.deepEqual(source.warnings, []);
});

test('trust 19: a tokenFile beside a token → the file counts, read anew', async (t) => {
  const folder = folderOf(t);
  const file = write(folder, 'config', kubeconfig({ user: { tokenFile: 'token' } }));
  write(folder, 'token', 'first');
  const source = await load(t, { kubeconfig: file });
  assert.equal(source.current().authorization, 'Bearer first');
  write(folder, 'token', 'second');
  assert.equal((await source.refresh()).authorization, 'Bearer second');
});

for (const port of ['443', '6443', '80', '8080', '8001']) {
  test(`trust 19: in a pod, API server at port ${port} → over https`, async (t) => {
    const folder = folderOf(t);
    const root = 'var/run/secrets/kubernetes.io/serviceaccount';
    for (const name of ['token', 'ca.crt']) write(folder, `${root}/${name}`, name);
    process.env.KUBERNETES_SERVICE_HOST = '10.0.0.1';
    process.env.KUBERNETES_SERVICE_PORT = port;
    const connection = (await load(t, { filesRoot: `${folder}/` })).current();
    assert.equal(connection.serverUrl, new URL(`https://10.0.0.1:${port}`).origin);
    assert.equal(connection.isTlsVerified, true);
    assert.equal(connection.caPem, 'ca.crt');
  });
}
