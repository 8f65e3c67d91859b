import type { ServerResponse } from 'node:http';
import type { Delta } from '../../src/cache/delta.ts';
import { Reflector } from '../../src/cache/reflector.ts';
import type { ReflectorProblem } from '../../src/cache/reflector-machine.ts';
import { podSource, type ResourceSource } from '../../src/cache/resources.ts';
import { ApiClient } from '../../src/client/api.ts';
import { monotonicMs } from '../../src/clock.ts';
import type { ObjectRecord } from '../../src/kube/records.ts';
import { connectionTo, type Handler, type LocalServer, serve } from '../client/local-server.ts';
import { podBytes } from '../client/pod-objects.ts';

type Context = Parameters<typeof serve>[0];

export const PROTOBUF = 'application/vnd.kubernetes.protobuf';
export const PODS = podSource({ namespace: 'kube-system', labelSelector: 'app=agent' });

interface Setup<T extends ObjectRecord> {
  readonly server: LocalServer;
  readonly reflector: Reflector<T>;
  readonly deltas: Delta<T>[];
  readonly problems: ReflectorProblem[];
  /** Open watches, newest last. */
  readonly watches: ServerResponse[];
  /** `synced`, deltas and, if that is wanted, `fresh` in the order they came. */
  readonly order: string[];
}

interface SetupOptions {
  readonly streamSilenceMs?: number;
  /** Backoff at its shortest by default, and no timer longer than it has to be. */
  readonly random?: () => number;
  /** Called for each delta. */
  readonly onDelta?: (reflector: Reflector<never>) => void;
  readonly isFreshTold?: boolean;
  readonly refuseWatch?: (response: ServerResponse) => boolean;
}

/** A reflector against a server whose lists are answered by `answerList`; watches stay open. */
export async function setUp<T extends ObjectRecord>(
  t: Context,
  resource: ResourceSource<T>,
  answerList: (query: URLSearchParams, response: ServerResponse) => void,
  options: SetupOptions = {},
): Promise<Setup<T>> {
  const watches: ServerResponse[] = [];
  const handler: Handler = (request, response) => {
    const query = new URL(request.url ?? '', 'http://x').searchParams;
    if (query.get('watch') !== 'true') return answerList(query, response);
    if (options.refuseWatch?.(response) === true) return;
    response.setHeader(
      'content-type',
      resource === (PODS as unknown) ? `${PROTOBUF};stream=watch` : 'application/json',
    );
    response.flushHeaders();
    watches.push(response);
  };
  const server = await serve(t, handler);
  const silence = options.streamSilenceMs === undefined ? {} : { streamSilenceMs: options.streamSilenceMs };
  const client = new ApiClient({ connection: connectionTo(server.url), connectionsMax: 2, ...silence });
  const deltas: Delta<T>[] = [];
  const problems: ReflectorProblem[] = [];
  const order: string[] = [];
  const reflector = new Reflector<T>({
    client,
    resource,
    onDelta: (delta) => {
      deltas.push(delta);
      order.push(`${delta.type} ${delta.object.name}`);
      options.onDelta?.(reflector as unknown as Reflector<never>);
    },
    onSynced: () => order.push('synced'),
    onFresh: () => {
      if (options.isFreshTold === true) order.push('fresh');
    },
    onProblem: (problem) => problems.push(problem),
    random: options.random ?? (() => 0),
    now: monotonicMs,
  });
  t.after(async () => {
    await reflector.stop();
    await client.close();
  });
  reflector.start();
  return { server, reflector, deltas, problems, watches, order };
}

export function answer(response: ServerResponse, body: Uint8Array): void {
  response.setHeader('content-type', PROTOBUF).end(body);
}

export function pod(name: string, resourceVersion = '1', changes: object = {}) {
  return podBytes({ name, uid: `uid-${name}`, resourceVersion, ...changes });
}
