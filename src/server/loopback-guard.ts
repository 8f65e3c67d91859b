import type { Route, RouteRequest, RouteResponse } from './http-server.ts';
import { textResponse } from './http-server.ts';

/** A header that a web page cannot send to another origin without asking first, which this server never allows. */
export const ADMIN_HEADER = 'x-daemonpodupdater-admin';

/** Not all of 127.0.0.0/8: a service mesh hands on what comes from outside under 127.0.0.6. */
const LOOPBACK_PEERS = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1']);
const LOOPBACK_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;
/** Somebody else's request, handed on by a proxy on this machine. */
const FORWARDED_HEADERS = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'via'];

/**
 * Answers this machine only. The peer's address keeps the network out, the name in `Host` keeps out a web page whose own
 * name was pointed at 127.0.0.1, and whatever changes something needs `ADMIN_HEADER`, which keeps out forms and images of any page.
 */
export function onlyFromLoopback(route: Route): Route {
  return {
    ...route,
    handle: (request) => refusalOf(request, route.method !== 'GET') ?? route.handle(request),
  };
}

function refusalOf({ remoteAddress, headers }: RouteRequest, isChange: boolean): RouteResponse | undefined {
  if (!LOOPBACK_PEERS.has(remoteAddress)) return textResponse(403, 'only for requests from this machine (loopback)');
  if (FORWARDED_HEADERS.some((name) => headers[name] !== undefined)) return textResponse(403, 'not through a proxy');
  if (typeof headers.host !== 'string' || !LOOPBACK_HOST.test(headers.host)) {
    return textResponse(403, 'the Host header must be localhost, 127.0.0.1 or [::1]');
  }
  if (isChange && headers[ADMIN_HEADER] === undefined) {
    return textResponse(403, `a change needs the header ${ADMIN_HEADER}, with any value`);
  }
  return undefined;
}
