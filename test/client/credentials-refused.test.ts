import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { CredentialError } from '../../src/client/credential-error.ts';
import { loadConnection } from '../../src/client/credentials.ts';
import { folderOf, kubeconfig, SECRET } from './kubeconfig-fixtures.ts';

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
