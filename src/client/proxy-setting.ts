import { BlockList, isIP } from 'node:net';
import { CredentialError } from './credential-error.ts';

export interface ProxyQuestion {
  readonly serverUrl: string;
  /** `proxy-url` of the kubeconfig's cluster; wins over the environment. */
  readonly kubeconfigProxy: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Which kubeconfig, for messages. */
  readonly where: string;
}

/**
 * The proxy on the way to the API server, as client-go finds it (golang.org/x/net/http/httpproxy). Throws `CredentialError`
 * for one that cannot be used. Its URL may hold a password, so no message quotes it.
 */
export function proxyUrlOf({ serverUrl, kubeconfigProxy, env, where }: ProxyQuestion): string | undefined {
  if (kubeconfigProxy) return checked(kubeconfigProxy, `proxy-url of the cluster in ${where}`);
  const server = new URL(serverUrl);
  const name = server.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const value = env[name] || env[name.toLowerCase()];
  if (!value || isExempt(server, env.NO_PROXY || env.no_proxy || '')) return undefined;
  return checked(value.includes('://') ? value : `http://${value}`, `$${name}`);
}

function checked(proxy: string, setting: string): string {
  const url = URL.parse(proxy);
  if (url !== null && ['http:', 'https:'].includes(url.protocol) && url.hostname !== '') return proxy;
  const what = url?.protocol.startsWith('socks') ? 'is a SOCKS proxy' : 'is not the URL of a proxy';
  const help = 'use one that starts with http:// or https://, or take the setting away';
  throw new CredentialError('proxy-unusable', `${setting} ${what}: ${help}`);
}

/** What the environment's proxy is not for: this machine, and what NO_PROXY lists. */
function isExempt(server: URL, noProxy: string): boolean {
  const host = server.hostname.replaceAll(/^\[|\]$/g, '').toLowerCase();
  const port = server.port || (server.protocol === 'https:' ? '443' : '80');
  if (host === 'localhost' || isListed(host, ['127.0.0.0/8', '::1/128'])) return true;
  const entries = noProxy
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .filter((entry) => entry !== '');
  return entries.some((entry) => {
    if (entry === '*') return true;
    const [, name = '', entryPort] =
      /^\[?([^\]]*?)\]?(?::(\d+))?$/.exec(isIP(entry) === 6 ? `[${entry}]` : entry) ?? [];
    if (entryPort !== undefined && entryPort !== port) return false;
    return isListed(host, [name]) || isWithin(host, name);
  });
}

/** `a.test` and `.a.test` both mean what is below; only the first means itself too. */
function isWithin(host: string, name: string): boolean {
  const domain = name.replace(/^\*(?=\.)/, '');
  if (domain === '') return false;
  return domain.startsWith('.') ? host.endsWith(domain) : host === domain || host.endsWith(`.${domain}`);
}

/** Addresses and CIDR blocks. */
function isListed(host: string, blocks: readonly string[]): boolean {
  const family = familyOf(host);
  if (family === undefined) return false;
  const list = new BlockList();
  for (const block of blocks) {
    const [address = '', bits] = block.split('/', 2);
    const blockFamily = familyOf(address);
    if (blockFamily === undefined) continue;
    const bitsMax = blockFamily === 'ipv6' ? 128 : 32;
    const prefix = bits === undefined ? bitsMax : Number(bits);
    if (Number.isInteger(prefix) && prefix >= 0 && prefix <= bitsMax) list.addSubnet(address, prefix, blockFamily);
  }
  return list.check(host, family);
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  const version = isIP(address);
  if (version === 0) return undefined;
  return version === 6 ? 'ipv6' : 'ipv4';
}
