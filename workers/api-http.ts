import type { ApiRequest, ApiResponse } from '../src/client/api.ts';
import { ApiClient } from '../src/client/api.ts';
import { podRequest } from '../src/client/requests.ts';
import { apiErrorOfAnswer } from '../src/client/status-error.ts';
import type { LaneHello } from '../src/protocol/lane-control.ts';
import type { Http } from './http.ts';
import type { Answer, PodGlimpse } from './steps/step.ts';

/** Sends the steps' requests over the API client. */
export function apiHttp({ connections, ...options }: Omit<LaneHello, 'controlPort'>): Http {
  const client = new ApiClient(options);
  client.useConnections(connections);
  return {
    async send({ request, task, timeoutMs }) {
      // The one place where wall-clock time is wanted: it is shown to people, and nothing is decided by it.
      const wallTime = `${new Date().toISOString().slice(0, 19)}Z`;
      const wire: ApiRequest = { ...podRequest(request, task, { timeoutMs, wallTime }), rate: 'paid' };
      return answerOf(wire, await client.request(wire));
    },
    turn: (waitMs) => client.turn(AbortSignal.timeout(Math.ceil(waitMs))),
    setConnection: (next) => client.setConnection(next),
    useConnections: (count) => client.useConnections(count),
    abort: () => client.abort(),
    close: () => client.close(),
  };
}

function answerOf(request: ApiRequest, response: ApiResponse): Answer {
  if (response.kind === 'failure') return { kind: 'failure', wasSent: response.wasSent, message: response.message };
  const { status, body } = response;
  if (status >= 200 && status < 300) {
    const pod = request.shouldReadBody ? podGlimpse(body) : undefined;
    return { kind: 'answer', status, retryAfterMs: 0, message: '', pod };
  }
  const error = apiErrorOfAnswer(response, request.labels);
  return { kind: 'answer', status, retryAfterMs: error.retryAfterMs, message: error.message, pod: undefined };
}

function podGlimpse(body: Uint8Array): PodGlimpse | undefined {
  try {
    const pod: unknown = JSON.parse(Buffer.from(body).toString('utf8'));
    const metadata: unknown = (pod as { metadata?: unknown } | null)?.metadata;
    const { uid, deletionTimestamp } = (metadata ?? {}) as { uid?: unknown; deletionTimestamp?: unknown };
    return typeof uid === 'string' ? { uid, isTerminating: typeof deletionTimestamp === 'string' } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
