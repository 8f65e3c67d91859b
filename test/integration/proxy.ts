import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** A watch that is open through the proxy. */
export interface OpenWatch {
  readonly url: string;
  /** Puts these bytes between two of the server's. */
  inject(bytes: Uint8Array): void;
  /** Cuts the connection. */
  cut(): void;
  /** Ends the answer in good order. */
  end(): void;
}

/** Stands between an updater and the simulated API server, and spoils what it carries. */
export class SpoilingProxy {
  readonly watches = new Set<OpenWatch>();
  /** Requests that have arrived: `METHOD /path?query`. */
  readonly requests: string[] = [];
  /** Of the same requests in the same order. */
  readonly headers: NodeJS.Dict<string[]>[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((incoming, response) => this.#serve(incoming, response));
  #target: string;
  #port = 0;

  private constructor(target: string) {
    this.#target = target;
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {});
    });
  }

  /** `target`: the base URL behind it. */
  static async open(t: TestContext, target: string): Promise<SpoilingProxy> {
    const proxy = new SpoilingProxy(target);
    await proxy.up();
    t.after(() => proxy.down());
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Listens, again at the same port. */
  async up(target = this.#target): Promise<void> {
    this.#target = target;
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Nobody listens any more, and every connection is cut. */
  down(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  find(part: string): OpenWatch | undefined {
    return [...this.watches].find(({ url }) => url.includes(part));
  }

  watchRequests(part: string): number {
    return this.requests.filter((line) => line.includes(part) && line.includes('watch=true')).length;
  }

  listRequests(part: string): number {
    return this.requests.filter((line) => line.includes(part) && !line.includes('watch=true')).length;
  }

  #serve(incoming: IncomingMessage, response: ServerResponse): void {
    const { method = 'GET', url = '/', headers } = incoming;
    this.requests.push(`${method} ${url}`);
    this.headers.push(incoming.headersDistinct);
    const outgoing = request(`${this.#target}${url}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      if (url.includes('watch=true')) this.#carryWatch(url, response);
      answer.on('data', (chunk: Buffer) => response.write(chunk));
      answer.on('end', () => response.end());
      answer.on('error', () => response.destroy());
    });
    outgoing.on('error', () => response.destroy());
    response.on('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
  }

  #carryWatch(url: string, response: ServerResponse): void {
    const watch: OpenWatch = {
      url,
      inject: (bytes) => void response.write(bytes),
      cut: () => response.destroy(),
      end: () => response.end(),
    };
    response.flushHeaders();
    this.watches.add(watch);
    response.on('close', () => this.watches.delete(watch));
  }
}
