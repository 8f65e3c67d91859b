import { type BindAddress, formatAddress } from '../server/bind-address.ts';
import { ADMIN_HEADER } from '../server/loopback-guard.ts';

const TIMEOUT_MS = 10_000;

export type AdminAnswer =
  | { readonly ok: true; readonly json: unknown }
  /** For people: who did not answer, or what was refused and why. */
  | { readonly ok: false; readonly message: string };

/** Asks a running controller on this machine; without a host in the address, 127.0.0.1. */
export async function askController(
  address: BindAddress,
  request: { readonly method: 'GET' | 'PUT'; readonly pathAndQuery: string },
): Promise<AdminAnswer> {
  const place = formatAddress({ host: address.host === '' ? '127.0.0.1' : address.host, port: address.port });
  try {
    const response = await fetch(`http://${place}${request.pathAndQuery}`, {
      method: request.method,
      headers: { [ADMIN_HEADER]: 'cli' },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    if (response.status === 200) return { ok: true, json: JSON.parse(text) };
    return { ok: false, message: `${place} answered ${response.status}: ${text.trim().slice(0, 500)}` };
  } catch (error) {
    return {
      ok: false,
      message:
        `no controller answers at ${place}: ${reasonOf(error)}; ` +
        'it has to run on this machine (in a pod: "kubectl exec"), with this health address',
    };
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause as { code?: string } | undefined;
  return cause?.code ?? error.message;
}
