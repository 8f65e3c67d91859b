import assert from 'node:assert/strict';
import { test } from 'node:test';
import { proxyUrlOf } from '../../src/client/proxy-setting.ts';

const PROXY = 'http://proxy.test:3128';

function proxyOf(server: string, env: Readonly<Record<string, string>>, kubeconfigProxy?: string): string | undefined {
  return proxyUrlOf({ serverUrl: server, kubeconfigProxy, env, where: 'config' });
}

interface Row {
  readonly server?: string;
  readonly env: Readonly<Record<string, string>>;
  readonly kubeconfig?: string;
  readonly proxy: string | undefined;
}

const rows: Readonly<Record<string, Row>> = {
  'nothing is set': { env: {}, proxy: undefined },
  HTTPS_PROXY: { env: { HTTPS_PROXY: PROXY }, proxy: PROXY },
  'https_proxy, without a scheme': { env: { https_proxy: 'proxy.test:3128' }, proxy: PROXY },
  'HTTP_PROXY, which is for http': { env: { HTTP_PROXY: PROXY }, proxy: undefined },
  'HTTP_PROXY and an http server': { server: 'http://api.test', env: { HTTP_PROXY: PROXY }, proxy: PROXY },
  'the kubeconfig against the environment': {
    env: { HTTPS_PROXY: 'http://other', NO_PROXY: '*' },
    kubeconfig: PROXY,
    proxy: PROXY,
  },
  'a server on this machine': { server: 'https://127.0.0.5:6443', env: { HTTPS_PROXY: PROXY }, proxy: undefined },
  'a server on this machine by name': {
    server: 'https://localhost:6443',
    env: { HTTPS_PROXY: PROXY },
    proxy: undefined,
  },
  'a server on this machine, IPv6': { server: 'https://[::1]:6443', env: { HTTPS_PROXY: PROXY }, proxy: undefined },
};
for (const [name, { server = 'https://api.test:6443', env, kubeconfig, proxy }] of Object.entries(rows)) {
  test(`proxy: ${name} → ${proxy ?? 'none'}`, () => assert.equal(proxyOf(server, env, kubeconfig), proxy));
}

const exempt: readonly [server: string, noProxy: string, isExempt: boolean][] = [
  ['https://api.test:6443', 'api.test', true],
  ['https://api.test:6443', 'other.test, API.test', true],
  ['https://api.test:6443', 'test', true],
  ['https://api.test:6443', '.test', true],
  ['https://api.test:6443', '*.test', true],
  ['https://api.test:6443', '*', true],
  ['https://api.test:6443', 'api.test:6443', true],
  ['https://api.test:6443', 'api.test:443', false],
  ['https://api.test:6443', '.api.test', false],
  ['https://api.test:6443', 'pi.test', false],
  ['https://api.test:6443', '', false],
  ['https://api.test:6443', '10.96.0.0/12', false],
  ['https://10.96.0.1:443', '10.96.0.0/12', true],
  ['https://10.96.0.1', '10.96.0.1:443', true],
  ['https://10.112.0.1', '10.96.0.0/12', false],
  ['https://10.96.0.1', '10.96.0.0/99', false],
  ['https://[fd00::1]:6443', 'fd00::/8', true],
  ['https://[fd00::1]:6443', 'fd00::1', true],
  ['https://[fd00::1]:6443', '[fd00::1]:443', false],
];
for (const [server, noProxy, isExempt] of exempt) {
  test(`proxy: ${server} with NO_PROXY "${noProxy}" → ${isExempt ? 'none' : 'through it'}`, () => {
    assert.equal(proxyOf(server, { HTTPS_PROXY: PROXY, NO_PROXY: noProxy }), isExempt ? undefined : PROXY);
  });
}

const unusable: readonly [env: string, kubeconfig: string | undefined, says: RegExp][] = [
  ['socks5://me:planted@proxy.test', undefined, /^\$HTTPS_PROXY is a SOCKS proxy: use one that starts with http/],
  ['', 'socks5://me:planted@proxy.test', /^proxy-url of the cluster in config is a SOCKS proxy/],
  ['', 'ftp://me:planted@proxy.test', /is not the URL of a proxy/],
  ['', 'proxy.test:3128', /is not the URL of a proxy/],
  ['http://planted with blanks', undefined, /^\$HTTPS_PROXY is not the URL of a proxy/],
];
for (const [HTTPS_PROXY, kubeconfig, says] of unusable) {
  test(`proxy: ${kubeconfig ?? HTTPS_PROXY} → refused, naming the setting and no password`, () => {
    assert.throws(
      () => proxyOf('https://api.test:6443', { HTTPS_PROXY }, kubeconfig),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, 'proxy-unusable');
        assert.match(error.message, says);
        assert.doesNotMatch(error.message, /planted/);
        return true;
      },
    );
  });
}
