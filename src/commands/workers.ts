import { WORKERS_PATH, type WorkersReport } from '../server/admin-routes.ts';
import { type BindAddress, formatAddress } from '../server/bind-address.ts';
import { ADMIN_HEADER } from '../server/loopback-guard.ts';
import type { WorkersOptions } from './options.ts';
import { EXIT_FAILED, EXIT_OK } from './program.ts';
import { workersLines } from './workers-view.ts';

const TIMEOUT_MS = 10_000;

/** Asks the controller on this machine how many worker threads it has and why, after setting the number if one is given. */
export async function workers(options: WorkersOptions): Promise<number> {
  const answer = await ask(options);
  if (!answer.ok) {
    process.stderr.write(`error: ${answer.message}\n`);
    return EXIT_FAILED;
  }
  const lines = options.output === 'json' ? [JSON.stringify(answer.report)] : workersLines(answer.report, Date.now());
  process.stdout.write(`${lines.join('\n')}\n`);
  return EXIT_OK;
}

type WorkersAnswer =
  | { readonly ok: true; readonly report: WorkersReport }
  | { readonly ok: false; readonly message: string };

async function ask({ setting, address }: WorkersOptions): Promise<WorkersAnswer> {
  const query = setting === undefined ? '' : `?value=${setting}`;
  const place = formatAddress(local(address));
  try {
    const response = await fetch(`http://${place}${WORKERS_PATH}${query}`, {
      method: setting === undefined ? 'GET' : 'PUT',
      headers: { [ADMIN_HEADER]: 'workers' },
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    if (response.status === 200) return { ok: true, report: JSON.parse(text) as WorkersReport };
    return { ok: false, message: `${place} answered ${response.status}: ${text.trim().slice(0, 500)}` };
  } catch (error) {
    return { ok: false, message: `no controller answers at ${place}: ${reasonOf(error)}; --address names another one` };
  }
}

/** Without a host: this machine. */
function local({ host, port }: BindAddress): BindAddress {
  return { host: host === '' ? '127.0.0.1' : host, port };
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause as { code?: string } | undefined;
  return cause?.code ?? error.message;
}
