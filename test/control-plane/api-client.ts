import { setTimeout as delay } from 'node:timers/promises';
import { Agent, type Dispatcher } from 'undici';

/** What the tests read of any object; the rest is reached through `Json`. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
    readonly resourceVersion?: string;
    readonly generation?: number;
    readonly creationTimestamp?: string;
    readonly deletionTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly uid: string; readonly kind: string; readonly name: string }[];
  };
}

export interface KubeList<T> {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string };
  readonly items: readonly T[];
}

export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: T;
}

/** An answer that is not 2xx. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface ApiClientOptions {
  readonly serverUrl: string;
  readonly caPem: string;
  readonly token: string;
  readonly userAgent: string;
  readonly connections?: number;
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
}

const PATCH_TYPES = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
} as const;

/** How often a request is sent that is answered with 429: it was not looked at, and may be sent again. */
const THROTTLED_TRIES = 60;
const RETRY_AFTER_MS = 1_000;

/** A plain JSON client of the API server, for the tests' own use: it shares nothing with the updater's client. */
export class ApiClient {
  readonly agent: Agent;
  readonly #options: ApiClientOptions;

  constructor(options: ApiClientOptions) {
    this.#options = options;
    this.agent = new Agent({
      connect: { ca: options.caPem },
      connections: options.connections ?? 32,
      pipelining: 1,
      headersTimeout: 60_000,
      bodyTimeout: 0,
    });
  }

  /** The answer's body is not read yet. */
  async send(request: ApiRequest): Promise<Dispatcher.ResponseData> {
    const { serverUrl, token, userAgent } = this.#options;
    return await this.agent.request({
      origin: serverUrl,
      path: request.path,
      method: request.method,
      headers: {
        authorization: `Bearer ${token}`,
        'user-agent': userAgent,
        accept: request.accept ?? 'application/json',
        ...(request.body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json' }),
      },
      body: request.body === undefined ? null : JSON.stringify(request.body),
      // undici closes the connection after a DELETE with a body unless told not to.
      reset: false,
    });
  }

  /**
   * As `send`, again while the answer is 429: whoever may do everything is not throttled, but lists and watches are put off
   * while the API server's own watches are behind or begin anew.
   */
  async #sendUntilHeard(request: ApiRequest): Promise<Dispatcher.ResponseData> {
    for (let tries = 1; ; tries += 1) {
      const response = await this.send(request);
      if (response.statusCode !== 429 || tries === THROTTLED_TRIES) return response;
      await response.body.dump();
      await delay(RETRY_AFTER_MS);
    }
  }

  /** @throws ApiError when the answer is not 2xx. */
  async request<T = unknown>(request: ApiRequest): Promise<T> {
    const response = await this.#sendUntilHeard(request);
    const text = await response.body.text();
    if (response.statusCode >= 300) {
      throw new ApiError(response.statusCode, `${request.method} ${request.path}: ${response.statusCode} ${text}`);
    }
    return (text.startsWith('{') ? JSON.parse(text) : text) as T;
  }

  async get<T = KubeObject>(path: string): Promise<T> {
    return await this.request<T>({ method: 'GET', path });
  }

  /** Undefined when there is no such object. */
  async find<T = KubeObject>(path: string): Promise<T | undefined> {
    return await this.get<T>(path).catch((error: unknown) => {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    });
  }

  async list<T extends KubeObject>(path: string): Promise<KubeList<T>> {
    const items: T[] = [];
    const query = path.includes('?') ? '&' : '?';
    let next = '';
    for (;;) {
      const page = await this.get<KubeList<T>>(`${path}${query}limit=1000${next}`);
      items.push(...page.items);
      if (page.metadata.continue === undefined) return { metadata: page.metadata, items };
      next = `&continue=${encodeURIComponent(page.metadata.continue)}`;
    }
  }

  async post<T = KubeObject>(path: string, body: unknown): Promise<T> {
    return await this.request<T>({ method: 'POST', path, body });
  }

  async patch<T = KubeObject>(path: string, body: unknown, type: keyof typeof PATCH_TYPES = 'merge'): Promise<T> {
    return await this.request<T>({ method: 'PATCH', path, body, contentType: PATCH_TYPES[type] });
  }

  async delete(path: string, body?: unknown): Promise<void> {
    await this.request({ method: 'DELETE', path, body });
  }

  /** The events of one watch, until the server ends it, the signal aborts it (both: the end), or it breaks (an error). */
  async *watch<T extends KubeObject>(path: string, signal: AbortSignal): AsyncGenerator<WatchEvent<T>> {
    const response = await this.#sendUntilHeard({ method: 'GET', path });
    if (response.statusCode !== 200)
      throw new ApiError(response.statusCode, `watch ${path}: ${await response.body.text()}`);
    const abort = () => response.body.destroy();
    // It may have been aborted while the request was on its way: then nobody tells.
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort);
    response.body.setEncoding('utf8');
    let rest = '';
    try {
      for await (const chunk of response.body) {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) yield JSON.parse(line) as WatchEvent<T>;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }
}
