import { writeFile } from 'node:fs/promises';
import { type AddressInfo, connect as connectTcp, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import {
  connect as connectTls,
  createServer as createTlsServer,
  type TLSSocket,
  type Server as TlsServer,
} from 'node:tls';
import { makeCertificate } from '../client/certificates.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import type { AnswerFault, Request } from './http-pieces.ts';
import { Link } from './link.ts';
import type { Route } from './rig.ts';

const SERVER_NAME = 'chaos.test';

/** An answer that passed, with what was done to it. */
export interface PassedAnswer extends Request {
  readonly fault: AnswerFault | undefined;
  readonly atMs: number;
}

/**
 * Stands between an updater and the API server, ends the TLS of both, and does to what passes what networks and broken
 * proxies do. It does nothing until told to.
 */
export class ChaosProxy {
  readonly route: Route;
  readonly links = new Set<Link>();
  /** Added to each piece of data, both ways, by the newest request of its connection; Infinity: nothing comes through. */
  latencyMs: (request: Request | undefined) => number = () => 0;
  /** What is done to the answer of a request; undefined: nothing. */
  faultFor: (request: Request) => AnswerFault | undefined = () => undefined;
  /** Every watch that was opened, in order. */
  readonly watchesOpened: { readonly stream: string; readonly atMs: number }[] = [];
  /** Every answer, in the order in which they began. */
  readonly answers: PassedAnswer[] = [];
  readonly #server: Server;
  readonly #tls: TlsServer;
  readonly #target: URL;
  readonly #caPem: string;
  #isDown = false;
  #onHeld: ((heldCount: number) => void) | undefined = undefined;
  #held: Socket[] = [];

  private constructor(plane: ControlPlane, options: { server: Server; tls: TlsServer; caPath: string }) {
    this.#target = new URL(plane.serverUrl);
    this.#caPem = plane.caPem;
    this.#server = options.server;
    this.#tls = options.tls;
    const { port } = options.server.address() as AddressInfo;
    this.route = { serverUrl: `https://127.0.0.1:${port}`, caPath: options.caPath, serverName: SERVER_NAME };
    options.server.on('connection', (socket) => this.#arrive(socket));
    options.tls.on('secureConnection', (socket) => this.#accept(socket));
    options.tls.on('tlsClientError', () => undefined);
  }

  static async start(plane: ControlPlane): Promise<ChaosProxy> {
    const issuer = makeCertificate({ name: 'chaos-ca' });
    const { certPem, keyPem } = makeCertificate({ name: SERVER_NAME, issuer });
    const caPath = join(plane.files.directory, 'chaos-ca.crt');
    await writeFile(caPath, issuer.certPem);
    const tls = createTlsServer({ cert: certPem, key: keyPem });
    const server = createServer({ pauseOnConnect: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new ChaosProxy(plane, { server, tls, caPath });
  }

  /** The links that carry a watch now. */
  get watches(): Link[] {
    return [...this.links].filter(({ stream }) => stream !== undefined);
  }

  /** Cuts every connection, and every new one at once. */
  goDown(): void {
    this.#isDown = true;
    for (const link of this.links) link.cut();
  }

  comeBack(): void {
    this.#isDown = false;
  }

  /** New connections are accepted and then hear nothing: what needs one waits, unsent. `onHeld`: with each one, how many. */
  hold(onHeld: (heldCount: number) => void): void {
    this.#onHeld = onHeld;
  }

  /** Those that were held begin, in order. */
  release(): void {
    this.#onHeld = undefined;
    for (const socket of this.#held.splice(0)) this.#arrive(socket);
  }

  async stop(): Promise<void> {
    for (const link of this.links) link.cut();
    for (const socket of this.#held) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #arrive(socket: Socket): void {
    if (this.#onHeld === undefined) {
      this.#tls.emit('connection', socket);
      return;
    }
    socket.on('error', () => undefined);
    this.#held.push(socket);
    this.#onHeld(this.#held.length);
  }

  #accept(client: TLSSocket): void {
    if (this.#isDown) {
      client.on('error', () => undefined);
      client.destroy();
      return;
    }
    const { hostname: host, port } = this.#target;
    const upstream = connectTls({ socket: connectTcp(Number(port), host), ca: this.#caPem, host });
    const link = new Link(client, upstream, {
      latencyMs: (request) => this.latencyMs(request),
      onRequest: (request) => {
        if (request.kind === 'watch') this.watchesOpened.push({ stream: request.path, atMs: Date.now() });
        return this.faultFor(request);
      },
      onAnswer: (request, fault) => this.answers.push({ ...request, fault, atMs: Date.now() }),
      onClosed: () => this.links.delete(link),
    });
    this.links.add(link);
  }
}
