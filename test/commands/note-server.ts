import type { ApiRequest, ApiResponse } from '../../src/client/api.ts';
import { NOTE_LOOK_MS, NoteKeeper } from '../../src/manager/note-keeper.ts';
import { SimulatedCluster } from '../../src/simulator/cluster.ts';
import { createRandom } from '../../src/simulator/random.ts';

export const START_MS = 1_800_000_000_000;
export const NAME = 'updater-status';

type Answer = (request: ApiRequest) => ApiResponse | undefined;

export interface Written {
  readonly atMs: number;
  readonly path: string;
  /** What the client sends. */
  readonly sentBytes: number;
  /** What etcd stores: the whole object, whatever of it changed. */
  readonly storedBytes: number;
}

/** The simulated API server, called directly, and what is written to it. */
export class Server {
  readonly cluster = new SimulatedCluster({ startMs: START_MS, isObserved: false }, createRandom(1));
  readonly writes: Written[] = [];
  nowMs = START_MS;
  /** Answers instead of the server. */
  instead: Answer = () => undefined;

  request = async (request: ApiRequest): Promise<ApiResponse> => {
    const other = this.instead(request);
    if (other !== undefined) return other;
    const { method, path, query = {}, body, accept, contentType } = request;
    const response = this.cluster.handle(
      {
        method,
        url: `${path}?${new URLSearchParams(query)}`,
        headers: { accept, 'content-type': contentType },
        body: body === undefined ? undefined : String(body),
      },
      this.nowMs,
    );
    const content =
      response.kind === 'object' ? response.object : response.kind === 'status' ? response.body : undefined;
    if (method !== 'GET' && response.kind === 'object') {
      const resource = path.includes('/leases') ? 'leases' : 'configmaps';
      const { namespace, name } = response.object.metadata;
      const stored = this.cluster.store.get(resource, `${namespace}/${name}`);
      const size = (value: unknown) => Buffer.byteLength(typeof value === 'string' ? value : JSON.stringify(value));
      this.writes.push({ atMs: this.nowMs, path, sentBytes: size(String(body)), storedBytes: size(stored) });
    }
    const bytes = new TextEncoder().encode(JSON.stringify(content));
    return { kind: 'answer', status: response.status, retryAfterMs: 0, contentType: 'application/json', body: bytes };
  };

  get data(): Readonly<Record<string, string>> {
    const stored = this.cluster.store.get('configmaps', `default/${NAME}`) as { data?: Record<string, string> };
    return stored?.data ?? {};
  }
}

export interface Leader {
  readonly keeper: NoteKeeper;
  readonly logs: string[];
  readonly told: Map<string, string>[];
  memories: Map<string, string>;
  status: () => string;
  isReady: boolean;
  mayWrite: boolean;
}

export function leaderOn(server: Server): Leader {
  const logs: string[] = [];
  const told: Map<string, string>[] = [];
  const leader: Leader = {
    logs,
    told,
    memories: new Map(),
    status: () => '{"a":1}',
    isReady: true,
    mayWrite: true,
    keeper: new NoteKeeper({
      content: {
        status: () => leader.status(),
        memories: () => leader.memories,
        remember: (memories) => told.push(new Map(memories)),
        isReady: () => leader.isReady,
      },
      request: server.request,
      namespace: 'default',
      leaseName: 'updater',
      log: (level, message, fields) => {
        if (level !== 'debug') logs.push(`${level} ${message} ${fields.detail ?? ''}`);
      },
      mayWrite: () => leader.mayWrite,
      now: () => server.nowMs,
      wall: () => server.nowMs,
    }),
  };
  return leader;
}

/** Lets the leader look as often as the program does. */
export async function pass(server: Server, leader: Leader, ms: number): Promise<void> {
  const untilMs = server.nowMs + ms;
  while (server.nowMs < untilMs) {
    server.nowMs += NOTE_LOOK_MS;
    await leader.keeper.look();
  }
}
