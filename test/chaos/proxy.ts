import { writeFile } from 'node:fs/promises';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls, createServer, type Server, type TLSSocket } from 'node:tls';
import { makeCertificate } from '../client/certificates.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { Link } from './link.ts';
import type { Route } from './rig.ts';

const SERVER_NAME = 'chaos.test';

/**
 * Stands between an updater and the API server, ends the TLS of both, and does to what passes what networks and broken
 * proxies do. It does nothing until told to.
 */
export class ChaosProxy {
  readonly route: Route;
  readonly links = new Set<Link>();
  /** Added to each piece of data, both ways. */
  latencyMs: () => number = () => 0;
  /** Somebody connects; TLS is not spoken yet. */
  onConnection: () => void = () => undefined;
  /** Every watch that was opened, in order. */
  readonly watchesOpened: { readonly stream: string; readonly atMs: number }[] = [];
  readonly #server: Server;
  readonly #target: URL;
  readonly #caPem: string;
  #isDown = false;

  private constructor(plane: ControlPlane, options: { server: Server; caPath: string }) {
    this.#target = new URL(plane.serverUrl);
    this.#caPem = plane.caPem;
    this.#server = options.server;
    const { port } = options.server.address() as AddressInfo;
    this.route = { serverUrl: `https://127.0.0.1:${port}`, caPath: options.caPath, serverName: SERVER_NAME };
    options.server.on('connection', () => this.onConnection());
    options.server.on('secureConnection', (socket) => this.#accept(socket));
    options.server.on('tlsClientError', () => undefined);
  }

  static async start(plane: ControlPlane): Promise<ChaosProxy> {
    const issuer = makeCertificate({ name: 'chaos-ca' });
    const { certPem, keyPem } = makeCertificate({ name: SERVER_NAME, issuer });
    const caPath = join(plane.files.directory, 'chaos-ca.crt');
    await writeFile(caPath, issuer.certPem);
    const server = createServer({ cert: certPem, key: keyPem });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new ChaosProxy(plane, { server, caPath });
  }

  /** The watches that are open now. */
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

  async stop(): Promise<void> {
    for (const link of this.links) link.cut();
    await new Promise((resolve) => this.#server.close(resolve));
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
      latencyMs: () => this.latencyMs(),
      onWatch: (stream) => this.watchesOpened.push({ stream, atMs: Date.now() }),
      onClosed: () => this.links.delete(link),
    });
    this.links.add(link);
  }
}
