import { connect, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/** As undici's connectors are. */
export interface ConnectOptions {
  readonly hostname: string;
  readonly protocol: string;
  readonly port: string;
  readonly httpSocket?: Socket;
}

type ConnectCallback = (...args: [error: null, socket: Socket | TLSSocket] | [error: Error, socket: null]) => void;
type Connect<Options> = (options: Options, callback: ConnectCallback) => void;

/** With this word undici ends the connection of a request that is aborted. */
const ABORTED = 'aborted';

/** The open connections of a dispatcher. */
export type OpenSockets = Set<Socket>;

/** Ends all that is under way, each as if it were aborted by itself. */
export function resetAll(sockets: OpenSockets): void {
  for (const socket of sockets) socket.destroy(Object.assign(new Error(ABORTED), { code: 'UND_ERR_ABORTED' }));
}

/**
 * Makes connections that are reset when they are ended in the middle of a request. Closed politely, the kernel would go on
 * sending what it still holds, for minutes in a network that is away: a write would arrive long after the right to it.
 */
export function resetting<Options extends ConnectOptions>(
  connector: Connect<Options>,
  sockets: OpenSockets,
): Connect<Options> {
  return (options, callback) => {
    connector(options, (...[error, socket]) => {
      if (error !== null) {
        callback(error, null);
        return;
      }
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      callback(null, resetWhenAborted(socket));
    });
  };
}

/** Gives a TLS connection a TCP socket of its own: only that one can be reset. */
export function overTcp<Options extends ConnectOptions>(connector: Connect<Options>): Connect<Options> {
  return (options, callback) => {
    if (options.protocol !== 'https:') {
      connector(options, callback);
      return;
    }
    const httpSocket = connect({ host: options.hostname, port: Number(options.port || 443) });
    connector({ ...options, httpSocket }, callback);
  };
}

function resetWhenAborted(socket: Socket): Socket {
  const destroy = socket.destroy.bind(socket);
  socket.destroy = (error?: Error) => {
    if (error?.message === ABORTED && !socket.destroyed) reset(socket);
    return destroy(error);
  };
  return socket;
}

/**
 * What `resetAndDestroy` notes, so that the next `destroy` resets. By itself that one waits for what is written, and it may not
 * take the connection away below TLS: the process dies of it. The peer's end ends this side, too, and then cannot be a reset.
 */
function reset(socket: Socket): void {
  const tcp = tcpOf(socket);
  if (tcp !== undefined && !tcp.destroyed && !tcp.writableEnded) Object.assign(tcp, { resetAndClosing: true });
}

/** Below TLS, and below the TLS to a proxy. */
function tcpOf(socket: Socket): Socket | undefined {
  let below: unknown = socket;
  while (below instanceof TLSSocket) below = '_parent' in below ? below._parent : undefined;
  return below as Socket | undefined;
}
