import type { ApiRequest, ApiResponse } from '../client/api.ts';
import { createLeaseRequest, getLeaseRequest, updateLeaseRequest } from '../client/requests.ts';
import type { ElectionInput } from './election-effects.ts';
import type { LeaseApi } from './elector.ts';
import type { LeaseRecord } from './lease.ts';
import { leaseObject, parseLease } from './lease-object.ts';

export interface KubernetesLeaseOptions {
  readonly request: (request: ApiRequest) => Promise<ApiResponse>;
  readonly namespace: string;
  readonly name: string;
  /** Why a request did not succeed, for the log. Conflicts are not told: they are part of an election. */
  readonly onProblem: (message: string) => void;
}

/** A Lease in the API server. What others put into its metadata (labels, owners) is written back unchanged. */
export class KubernetesLeaseApi implements LeaseApi {
  readonly #options: KubernetesLeaseOptions;
  #metadata: Readonly<Record<string, unknown>> = {};

  constructor(options: KubernetesLeaseOptions) {
    this.#options = options;
  }

  async get(timeoutMs: number): Promise<ElectionInput> {
    const { request, namespace, name } = this.#options;
    const response = await request(getLeaseRequest({ namespace, name, timeoutMs }));
    if (response.kind === 'answer' && response.status === 404) return { type: 'lease-not-found' };
    const lease = this.#parse(response);
    return lease === undefined ? { type: 'read-failed' } : { type: 'lease-read', lease };
  }

  async create(record: LeaseRecord, timeoutMs: number): Promise<ElectionInput> {
    const { request, namespace, name } = this.#options;
    const object = leaseObject({ name, namespace }, record);
    return this.#writeResult(await request(createLeaseRequest({ namespace, object, timeoutMs })));
  }

  async update(record: LeaseRecord, resourceVersion: string, timeoutMs: number): Promise<ElectionInput> {
    const { request, namespace, name } = this.#options;
    const object = leaseObject({ ...this.#metadata, name, namespace, resourceVersion }, record);
    return this.#writeResult(await request(updateLeaseRequest({ namespace, name, object, timeoutMs })));
  }

  #writeResult(response: ApiResponse): ElectionInput {
    if (response.kind === 'answer' && response.status === 409) return { type: 'write-conflict' };
    const lease = this.#parse(response);
    return lease === undefined ? { type: 'write-failed' } : { type: 'written', resourceVersion: lease.resourceVersion };
  }

  #parse(response: ApiResponse): ReturnType<typeof parseLease> {
    const { onProblem, namespace, name } = this.#options;
    if (response.kind === 'failure') {
      onProblem(`lease ${namespace}/${name}: ${response.message}`);
      return undefined;
    }
    const text = new TextDecoder().decode(response.body);
    if (response.status >= 300) {
      onProblem(`lease ${namespace}/${name}: HTTP ${response.status} ${text.slice(0, 300)}`);
      return undefined;
    }
    const lease = parseLease(text);
    if (lease === undefined) onProblem(`lease ${namespace}/${name}: the answer is not a Lease`);
    else this.#metadata = lease.metadata;
    return lease;
  }
}
