import { inspect } from 'node:util';
import type { Connection } from '../protocol/connection.ts';

/**
 * A connection that does not show its secrets when it is logged, printed or made into JSON together with whatever holds
 * it. Structured clones (to the worker threads) are plain again; there it is only kept in private fields.
 */
export function guardedConnection(connection: Connection): Connection {
  const shown = `[connection to ${hostOf(connection.serverUrl)}]`;
  const show = { value: () => shown, enumerable: false };
  return Object.defineProperties({ ...connection }, { toJSON: show, [inspect.custom]: show });
}

/** A URL may hold user and password. */
function hostOf(serverUrl: string): string {
  return URL.canParse(serverUrl) ? new URL(serverUrl).host : 'somewhere';
}
