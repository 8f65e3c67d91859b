import type { Route, RouteRequest, RouteResponse } from './http-server.ts';
import { textResponse } from './http-server.ts';
import type { Metrics } from './metrics.ts';

/** One thing that has to be so. `problem` says in words why it is not; undefined when it is. */
export interface HealthCheck {
  readonly name: string;
  problem(): string | undefined;
}

export interface HealthChecks {
  /** A failing one means that only a restart helps. */
  readonly live: readonly HealthCheck[];
  /** A failing one means: not now. */
  readonly ready: readonly HealthCheck[];
}

/** `/healthz`, `/livez` and `/readyz` in the API server's form: one line a check with `?verbose`, and when one fails. */
export function healthRoutes(checks: HealthChecks): readonly Route[] {
  return [
    healthRoute('/healthz', checks.live),
    healthRoute('/livez', checks.live),
    healthRoute('/readyz', checks.ready),
  ];
}

function healthRoute(path: string, checks: readonly HealthCheck[]): Route {
  return { method: 'GET', path, handle: (request) => report(path.slice(1), checks, request) };
}

function report(what: string, checks: readonly HealthCheck[], request: RouteRequest): RouteResponse {
  const results = checks.map((check) => ({ name: check.name, problem: problemOf(check) }));
  const isGood = results.every(({ problem }) => problem === undefined);
  if (isGood && !request.query.has('verbose')) return textResponse(200, 'ok');
  const lines = results.map(({ name, problem }) =>
    problem === undefined ? `[+]${name} ok` : `[-]${name} failed: ${problem}`,
  );
  lines.push(`${what} check ${isGood ? 'passed' : 'failed'}`);
  return textResponse(isGood ? 200 : 503, lines.join('\n'));
}

/** A check that throws has found a problem too. */
function problemOf(check: HealthCheck): string | undefined {
  try {
    return check.problem();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

export function metricsRoute(metrics: Pick<Metrics, 'text' | 'contentType'>): Route {
  /** For all who ask while it is made: it costs the event loop more than everything else here. */
  let making: Promise<string> | undefined;
  async function text(): Promise<string> {
    making ??= metrics.text().finally(() => {
      making = undefined;
    });
    return await making;
  }
  return {
    method: 'GET',
    path: '/metrics',
    handle: async () => ({ status: 200, contentType: metrics.contentType, body: await text() }),
  };
}
