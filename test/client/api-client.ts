import { ApiClient, type ApiClientOptions, type ApiRequest } from '../../src/client/api.ts';
import { connectionTo, type serve } from './local-server.ts';
import { deletePodRequest } from './pod-requests.ts';

type Context = Parameters<typeof serve>[0];

export function clientOf(t: Context, url: string, options: Partial<ApiClientOptions> = {}): ApiClient {
  const client = new ApiClient({ connection: connectionTo(url), connectionsMax: 2, ...options });
  t.after(() => client.close());
  return client;
}

export const GET: ApiRequest = {
  method: 'GET',
  path: '/api/v1/pods',
  timeoutMs: 5000,
  shouldReadBody: true,
  labels: { verb: 'list', resource: 'pods' },
};

export const DELETE = deletePodRequest({ namespace: 'ns', name: 'pod', uid: 'u1', timeoutMs: 5000 });
