export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Starts with '/', already encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly contentType?: string;
  readonly accept?: string;
  /** From the call to the last byte, without what it waits for the rate limit. */
  readonly timeoutMs: number;
  /** `paid`: its place in the rate limit was taken beforehand. `charged`: leaves at once, and others wait the longer. Without it it waits. */
  readonly rate?: 'paid' | 'charged';
  readonly signal?: AbortSignal;
  /** False: a success's body is read and thrown away. A refusal's is always kept. */
  readonly shouldReadBody: boolean;
  readonly labels: { readonly verb: string; readonly resource: string };
}
