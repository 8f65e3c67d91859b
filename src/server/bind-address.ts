export interface BindAddress {
  /** '' for all addresses. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
}

/** `undefined` as the address: the server is switched off. */
export type BindAddressResult =
  | { readonly code: 'valid'; readonly address: BindAddress | undefined }
  | { readonly code: 'invalid'; readonly message: string };

const FORMS = 'use host:port, :port, [IPv6]:port, or 0 to switch it off';

/** Reads `:8080`, `127.0.0.1:8080`, `localhost:8080`, `[::1]:8080`; `0` means off, as in controller-runtime. */
export function parseBindAddress(text: string): BindAddressResult {
  if (text === '0') return { code: 'valid', address: undefined };
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([\w.-]*)):(\d+)$/.exec(text);
  if (match === null) return { code: 'invalid', message: `"${text.slice(0, 80)}" is not an address: ${FORMS}` };
  const [, ipv6, host, digits] = match;
  const port = Number(digits);
  if (port > 65_535)
    return { code: 'invalid', message: `port ${digits} of "${text.slice(0, 80)}" is not from 0 to 65535` };
  return { code: 'valid', address: { host: ipv6 ?? host ?? '', port } };
}

export function formatAddress({ host, port }: BindAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
