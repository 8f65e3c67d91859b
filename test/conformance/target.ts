import { setTimeout as delay } from 'node:timers/promises';
import { Agent, request } from 'undici';

/** A server that the conformance suite runs against. */
export interface Target {
  readonly name: string;
  /** Base URL without a trailing '/'. */
  readonly url: string;
  /** Sent with every request: `authorization`, for instance. */
  readonly headers: Readonly<Record<string, string>>;
  readonly caPem: string | undefined;
  /** Labels that make the target's kubelets (or their stand-ins) run a node. */
  readonly nodeLabels: Readonly<Record<string, string>>;
  /** Forgets the history so far; a text says why the target cannot. */
  readonly compact: (() => Promise<void>) | string;
  /** Makes the server send bookmarks at once; a text says why the target cannot. */
  readonly sendBookmarks: (() => Promise<void>) | string;
  /** Headers of somebody who may not delete pods; a text says why there is nobody. */
  readonly restricted: Readonly<Record<string, string>> | string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bytes: Buffer;
  /** The body as JSON; undefined when it is not. */
  readonly json: Json;
}

// biome-ignore lint/suspicious/noExplicitAny: bodies are read by expectations that fail when a field is missing
export type Json = any;

export interface Send {
  readonly method?: string;
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export const STRATEGIC = 'application/strategic-merge-patch+json';
export const MERGE = 'application/merge-patch+json';
export const PROTOBUF = 'application/vnd.kubernetes.protobuf';
export const PARTIAL = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';

export const DEADLINE_MS = 60_000;
/** Between two tries of a request that was put off with 429: a real API server's own watches were behind. */
const PUT_OFF_MS = 500;

function parsed(bytes: Buffer): Json {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined;
  }
}

/** Raw requests to the target, and the few objects that cases need. */
export class Wire {
  readonly target: Target;
  readonly namespace: string;
  readonly nodeName: string;
  readonly agent: Agent;
  #count = 0;

  constructor(target: Target, suffix: string) {
    this.target = target;
    this.namespace = `conformance-${suffix}`;
    this.nodeName = `conformance-node-${suffix}`;
    this.agent = new Agent({ connect: target.caPem === undefined ? {} : { ca: target.caPem } });
  }

  /** A name that no other case uses. */
  unique(prefix: string): string {
    this.#count += 1;
    return `${prefix}-${this.#count}`;
  }

  /** Again while it is put off, until the deadline. */
  async send(send: Send): Promise<Answer> {
    const deadlineMs = performance.now() + DEADLINE_MS;
    for (;;) {
      const answer = await this.#sendOnce(send);
      if (answer.status !== 429 || performance.now() > deadlineMs) return answer;
      await delay(PUT_OFF_MS);
    }
  }

  async #sendOnce({
    method = 'GET',
    path,
    body,
    contentType,
    accept = 'application/json',
    headers,
  }: Send): Promise<Answer> {
    const isText = typeof body === 'string';
    const answer = await request(`${this.target.url}${path}`, {
      method: method as 'GET',
      dispatcher: this.agent,
      headersTimeout: DEADLINE_MS,
      bodyTimeout: DEADLINE_MS,
      headers: {
        accept,
        ...(body === undefined ? {} : { 'content-type': contentType ?? 'application/json' }),
        ...this.target.headers,
        ...headers,
      },
      ...(body === undefined ? {} : { body: isText ? body : JSON.stringify(body) }),
    });
    const bytes = Buffer.from(await answer.body.arrayBuffer());
    return { status: answer.statusCode, headers: answer.headers, bytes, json: parsed(bytes) };
  }

  /** As `send`, for what must succeed before a case can start. */
  async must(send: Send): Promise<Json> {
    const answer = await this.send(send);
    if (answer.status >= 300) throw new Error(`${send.method ?? 'GET'} ${send.path}: ${answer.status} ${answer.bytes}`);
    return answer.json;
  }

  pods(name = '', query = ''): string {
    return `/api/v1/namespaces/${this.namespace}/pods${name === '' ? '' : `/${name}`}${query === '' ? '' : `?${query}`}`;
  }

  leases(name = ''): string {
    return `/apis/coordination.k8s.io/v1/namespaces/${this.namespace}/leases${name === '' ? '' : `/${name}`}`;
  }

  daemonSets(name = ''): string {
    return `/apis/apps/v1/namespaces/${this.namespace}/daemonsets${name === '' ? '' : `/${name}`}`;
  }

  /** A pod on a node, or one that no scheduler looks at, so that nobody but the case writes to it. */
  async createPod(options: { labels?: Record<string, string>; nodeName?: string } = {}): Promise<Json> {
    const metadata = { name: this.unique('pod'), labels: { suite: 'conformance', ...options.labels } };
    const { nodeName } = options;
    const spec = { ...podSpec(), ...(nodeName === undefined ? { schedulerName: 'nobody' } : { nodeName }) };
    return await this.must({ method: 'POST', path: this.pods(), body: { metadata, spec } });
  }

  /** Removes a pod whether or not a kubelet runs it. */
  async removePod(name: string): Promise<void> {
    await this.send({ method: 'DELETE', path: this.pods(name), body: { gracePeriodSeconds: 0 } });
  }

  /** Asks again and again until `isDone`, and fails when that takes too long. */
  async until(send: Send, isDone: (answer: Answer) => boolean | Promise<boolean>): Promise<Answer> {
    const deadlineMs = performance.now() + DEADLINE_MS;
    for (;;) {
      const answer = await this.send(send);
      if (await isDone(answer)) return answer;
      if (performance.now() > deadlineMs) throw new Error(`${send.path} stays at ${answer.status} ${answer.bytes}`);
      await delay(25);
    }
  }

  async setUp(): Promise<void> {
    await this.must({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name: this.namespace } } });
    const labels = { 'kubernetes.io/hostname': this.nodeName, conformance: this.namespace, ...this.target.nodeLabels };
    const resources = { cpu: '8', memory: '32Gi', pods: '110' };
    const body = { metadata: { name: this.nodeName, labels }, status: { capacity: resources, allocatable: resources } };
    await this.must({ method: 'POST', path: '/api/v1/nodes', body });
    const isReady = ({ json }: Answer): boolean =>
      json.status.conditions?.some((one: Json) => one.type === 'Ready' && one.status === 'True');
    await this.until({ path: `/api/v1/nodes/${this.nodeName}` }, isReady);
  }

  async tearDown(): Promise<void> {
    await this.send({ method: 'DELETE', path: `/api/v1/namespaces/${this.namespace}` });
    await this.send({ method: 'DELETE', path: `/api/v1/nodes/${this.nodeName}` });
    await this.agent.destroy();
  }
}

export function podSpec(): Json {
  return {
    containers: [{ name: 'main', image: 'registry.example/app:v1' }],
    tolerations: [{ operator: 'Exists' }],
    automountServiceAccountToken: false,
  };
}
