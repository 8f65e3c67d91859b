import type { ApiRequest, ApiResponse } from '../client/api.ts';
import { createLeaseRequest, getLeaseRequest, updateLeaseRequest } from '../client/requests.ts';
import { apiErrorOfAnswer } from '../client/status-error.ts';
import { FORMER_NOTE_ANNOTATION } from '../kube/annotations.ts';
import type { Verb } from '../kube/verbs.ts';
import type { ElectionInput } from './election-effects.ts';
import type { LeaseApi } from './elector.ts';
import type { LeaseRecord } from './lease.ts';
import { leaseObject, parseLease, withoutAnnotation } from './lease-object.ts';

export interface KubernetesLeaseOptions {
  readonly request: (request: ApiRequest) => Promise<ApiResponse>;
  readonly namespace: string;
  readonly name: string;
  /** Why a request did not succeed, for the log. Conflicts are not told: they are part of an election. */
  readonly onProblem: (message: string) => void;
  /** Answered as expected, whatever the answer means for the election. */
  readonly onReached: () => void;
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
    if (response.kind === 'answer' && response.status === 404) return this.#reached({ type: 'lease-not-found' });
    const lease = this.#parse(response, 'get');
    return lease === undefined ? { type: 'read-failed' } : { type: 'lease-read', lease };
  }

  async create(record: LeaseRecord, timeoutMs: number): Promise<ElectionInput> {
    const { request, namespace, name } = this.#options;
    const object = leaseObject({ name, namespace }, record);
    return this.#writeResult(await request(createLeaseRequest({ namespace, object, timeoutMs })), 'create');
  }

  async update(record: LeaseRecord, resourceVersion: string, timeoutMs: number): Promise<ElectionInput> {
    const { request, namespace, name } = this.#options;
    const object = leaseObject({ ...this.#metadata, name, namespace, resourceVersion }, record);
    return this.#writeResult(await request(updateLeaseRequest({ namespace, name, object, timeoutMs })), 'update');
  }

  #writeResult(response: ApiResponse, verb: Verb): ElectionInput {
    if (response.kind === 'answer' && response.status === 409) return this.#reached({ type: 'write-conflict' });
    const lease = this.#parse(response, verb);
    return lease === undefined ? { type: 'write-failed' } : { type: 'written', resourceVersion: lease.resourceVersion };
  }

  #reached(input: ElectionInput): ElectionInput {
    this.#options.onReached();
    return input;
  }

  #parse(response: ApiResponse, verb: Verb): ReturnType<typeof parseLease> {
    const { onProblem, namespace, name } = this.#options;
    if (response.kind === 'failure') {
      onProblem(`lease ${namespace}/${name}: ${response.message}`);
      return undefined;
    }
    if (response.status >= 300) {
      const { message } = apiErrorOfAnswer(response, { verb, resource: 'leases' });
      onProblem(`lease ${namespace}/${name}: HTTP ${response.status}: ${message}`);
      return undefined;
    }
    const lease = parseLease(new TextDecoder().decode(response.body));
    if (lease === undefined) onProblem(`lease ${namespace}/${name}: the answer is not a Lease`);
    else {
      this.#metadata = withoutAnnotation(lease.metadata, FORMER_NOTE_ANNOTATION);
      this.#options.onReached();
    }
    return lease;
  }
}
