import type { ApiRequest, ApiResponse } from '../client/api.ts';
import { createLeaseRequest, getLeaseRequest, updateLeaseRequest } from '../client/requests.ts';
import { apiErrorOf } from '../client/status-error.ts';
import type { Verb } from '../kube/verbs.ts';
import type { ElectionInput } from './election-effects.ts';
import type { LeaseApi } from './elector.ts';
import type { LeaseRecord } from './lease.ts';
import { annotationsOf, leaseObject, parseLease } from './lease-object.ts';

export interface KubernetesLeaseOptions {
  readonly request: (request: ApiRequest) => Promise<ApiResponse>;
  readonly namespace: string;
  readonly name: string;
  /** Why a request did not succeed, for the log. Conflicts are not told: they are part of an election. */
  readonly onProblem: (message: string) => void;
  /** Answered as expected, whatever the answer means for the election. */
  readonly onReached: () => void;
  /** What the holder tells beside its lease: asked for at every write, and taken away when the lease is given up. */
  readonly note?: {
    readonly annotation: string;
    readonly text: () => string;
    /** The text could not be made; the lease is written without it. */
    readonly onFailed: (message: string) => void;
  };
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
    const object = leaseObject(this.#noted({ name, namespace }, record), record);
    return this.#writeResult(await request(createLeaseRequest({ namespace, object, timeoutMs })), 'create');
  }

  async update(record: LeaseRecord, resourceVersion: string, timeoutMs: number): Promise<ElectionInput> {
    const { request, namespace, name } = this.#options;
    const object = leaseObject(this.#noted({ ...this.#metadata, name, namespace, resourceVersion }, record), record);
    return this.#writeResult(await request(updateLeaseRequest({ namespace, name, object, timeoutMs })), 'update');
  }

  #noted(metadata: Readonly<Record<string, unknown>>, record: LeaseRecord): Readonly<Record<string, unknown>> {
    const { note } = this.#options;
    if (note === undefined) return metadata;
    const { [note.annotation]: _, ...others } = annotationsOf(metadata);
    const text = record.holderIdentity === '' ? undefined : this.#noteText(note);
    return { ...metadata, annotations: text === undefined ? others : { ...others, [note.annotation]: text } };
  }

  /** A mistake in what is only shown must not cost the lease. */
  #noteText({ text, onFailed }: NonNullable<KubernetesLeaseOptions['note']>): string | undefined {
    try {
      return text();
    } catch (error) {
      onFailed(String(error));
      return undefined;
    }
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
      const { status: httpStatus, body, retryAfterMs } = response;
      const { message } = apiErrorOf({ httpStatus, body, retryAfterMs, labels: { verb, resource: 'leases' } });
      onProblem(`lease ${namespace}/${name}: HTTP ${httpStatus}: ${message}`);
      return undefined;
    }
    const lease = parseLease(new TextDecoder().decode(response.body));
    if (lease === undefined) onProblem(`lease ${namespace}/${name}: the answer is not a Lease`);
    else {
      this.#metadata = lease.metadata;
      this.#options.onReached();
    }
    return lease;
  }
}
