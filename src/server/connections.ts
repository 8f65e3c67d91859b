import type { Socket } from 'node:net';

export interface ConnectionLimits {
  readonly connectionsMax: number;
  /** Of all answers together that are made and not taken yet. */
  readonly unreadBytesMax: number;
  /** How long a peer may take to read an answer. */
  readonly answerTimeoutMs: number;
}

interface Connection {
  readonly peer: string;
  /** A route works on an answer. */
  isWorking: boolean;
  unreadBytes: number;
  requestsWaiting: number;
}

/**
 * The connections of one server, those with the latest request last. A new one is never refused: whoever has the most
 * loses the one that has been without a request for longest, so that a probe gets its answer however many others idle, are slow, or
 * do not read.
 */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #connections = new Map<Socket, Connection>();
  readonly #countByPeer = new Map<string, number>();
  #unreadBytes = 0;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  add(socket: Socket): void {
    const peer = socket.remoteAddress ?? '';
    this.#connections.set(socket, { peer, isWorking: false, unreadBytes: 0, requestsWaiting: 0 });
    this.#countByPeer.set(peer, this.#countOf(peer) + 1);
    socket.once('close', () => this.#forget(socket));
    if (this.#connections.size > this.#limits.connectionsMax) this.#evict(() => true);
  }

  /** A request came in; returns how many of this connection have no answer yet. */
  asked(socket: Socket): number {
    const connection = this.#connections.get(socket);
    if (connection === undefined) return 0;
    connection.requestsWaiting += 1;
    this.#connections.delete(socket);
    this.#connections.set(socket, connection);
    return connection.requestsWaiting;
  }

  working(socket: Socket): void {
    const connection = this.#connections.get(socket);
    if (connection !== undefined) connection.isWorking = true;
  }

  /** The answer is made. Returns what to call when the peer has it, or its connection has ended. */
  answering(socket: Socket, bytes: number): () => void {
    const connection = this.#connections.get(socket);
    if (connection === undefined) return () => {};
    connection.isWorking = false;
    connection.unreadBytes += bytes;
    this.#unreadBytes += bytes;
    while (this.#unreadBytes > this.#limits.unreadBytesMax) {
      // One answer alone may be larger than that: a profile.
      if (!this.#evict((other) => other.unreadBytes > 0 && other !== connection)) break;
    }
    const timer = setTimeout(() => socket.destroy(), this.#limits.answerTimeoutMs).unref();
    return () => {
      clearTimeout(timer);
      connection.requestsWaiting -= 1;
      // Otherwise its end has settled that.
      if (!this.#connections.has(socket)) return;
      connection.unreadBytes -= bytes;
      this.#unreadBytes -= bytes;
    };
  }

  /** Ends the oldest of those that nothing is worked on for, of the peer that has the most; false when there is none. */
  #evict(isMeant: (connection: Connection) => boolean): boolean {
    let chosen: readonly [Socket, Connection] | undefined;
    for (const entry of this.#connections) {
      const [, connection] = entry;
      if (connection.isWorking || !isMeant(connection)) continue;
      if (chosen === undefined || this.#countOf(connection.peer) > this.#countOf(chosen[1].peer)) chosen = entry;
    }
    if (chosen === undefined) return false;
    this.#forget(chosen[0]);
    chosen[0].destroy();
    return true;
  }

  #forget(socket: Socket): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined) return;
    this.#connections.delete(socket);
    this.#unreadBytes -= connection.unreadBytes;
    const count = this.#countOf(connection.peer) - 1;
    if (count === 0) this.#countByPeer.delete(connection.peer);
    else this.#countByPeer.set(connection.peer, count);
  }

  #countOf(peer: string): number {
    return this.#countByPeer.get(peer) ?? 0;
  }
}
