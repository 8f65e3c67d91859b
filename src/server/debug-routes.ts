import type { Route, RouteRequest, RouteResponse } from './http-server.ts';
import { textResponse } from './http-server.ts';
import { onlyFromLoopback } from './loopback-guard.ts';

export type ProfileKind = 'cpu' | 'heap';

export interface ThreadProfiler {
  /** `main`, `lane-0`, `lane-1` …, as they are now. */
  threads(): readonly string[];
  /** The JSON of a `.cpuprofile` or `.heapprofile`. */
  profile(thread: string, kind: ProfileKind, durationMs: number): Promise<string>;
}

const SECONDS_DEFAULT = 10;
const SECONDS_MAX = 300;

interface Wanted {
  readonly threads: readonly string[];
  readonly isAll: boolean;
  readonly durationMs: number;
}

/**
 * Profiles of the running process, by thread: `/debug/pprof/profile` (CPU) and `/debug/pprof/heap` (what is allocated
 * meanwhile). One at a time, since each costs time in the thread that it looks at. For this machine only.
 */
export function debugRoutes(profiler: ThreadProfiler): readonly Route[] {
  let isProfiling = false;

  async function handle(kind: ProfileKind, request: RouteRequest): Promise<RouteResponse> {
    const wanted = parseQuery(request.query, profiler.threads());
    if (typeof wanted === 'string') return textResponse(400, wanted);
    if (isProfiling) return textResponse(409, 'another profile is being taken; try again when it is done');
    isProfiling = true;
    try {
      return { status: 200, contentType: 'application/json', body: await take(profiler, kind, wanted) };
    } finally {
      isProfiling = false;
    }
  }

  const routes: readonly Route[] = [
    { method: 'GET', path: '/debug/pprof/profile', handle: (request) => handle('cpu', request) },
    { method: 'GET', path: '/debug/pprof/heap', handle: (request) => handle('heap', request) },
  ];
  return routes.map(onlyFromLoopback);
}

/** What to profile, or what is wrong with the question. */
function parseQuery(query: URLSearchParams, threads: readonly string[]): Wanted | string {
  const unknown = [...query.keys()].find((key) => key !== 'seconds' && key !== 'thread');
  if (unknown !== undefined) return `unknown parameter "${unknown.slice(0, 40)}": use seconds and thread`;
  const text = query.get('seconds') ?? String(SECONDS_DEFAULT);
  const seconds = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (!(seconds >= 1 && seconds <= SECONDS_MAX)) {
    return `seconds: "${text.slice(0, 40)}" is not a whole number from 1 to ${SECONDS_MAX}`;
  }
  const thread = query.get('thread') ?? 'main';
  const durationMs = seconds * 1000;
  if (thread === 'all') return { threads, isAll: true, durationMs };
  if (threads.includes(thread)) return { threads: [thread], isAll: false, durationMs };
  return `thread: "${thread.slice(0, 40)}" is none of ${threads.join(', ')}, all`;
}

/** One profile as it is; several as a JSON object by thread, in which a thread that ended meanwhile has an `error`. */
async function take(profiler: ThreadProfiler, kind: ProfileKind, wanted: Wanted): Promise<string> {
  const { threads, isAll, durationMs } = wanted;
  if (!isAll) return await profiler.profile(threads[0] ?? 'main', kind, durationMs);
  const parts = await Promise.all(
    threads.map(async (thread) => {
      const text = await profiler
        .profile(thread, kind, durationMs)
        .catch((error: unknown) => JSON.stringify({ error: error instanceof Error ? error.message : String(error) }));
      return `${JSON.stringify(thread)}:${text}`;
    }),
  );
  return `{${parts.join(',')}}`;
}
