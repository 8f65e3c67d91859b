import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';

/** What is asked for by method, and the signal that is sent; from the D-Bus specification, "Message Protocol". */
const METHOD_RETURN = 2;
const SIGNAL = 4;
const FIELD = { path: 1, interface: 2, member: 3, replySerial: 5, sender: 7, signature: 8 } as const;
const NO_REPLY_EXPECTED = 1;

const LOGIND_PATH = '/org/freedesktop/login1';
const LOGIND_INTERFACE = 'org.freedesktop.login1.Manager';
/** How long a shutdown may be delayed, in microseconds: longer than any kubelet asks for, which else changes logind's settings. */
const INHIBIT_DELAY_MAX_US = 3_600_000_000n;
/** A file descriptor that nobody has. The real one would come with it; the kubelet only closes it. */
const NO_DESCRIPTOR = 0xff_ff_ff_ff;

/**
 * As much of systemd's logind, and of the bus between, as a kubelet needs to hear that its machine shuts down. It listens on a
 * socket of its own, so that no real machine is asked to do anything.
 */
export class Logind {
  readonly path: string;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  #serial = 0;

  constructor(path: string) {
    this.path = path;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  async start(): Promise<void> {
    this.#server.listen(this.path);
    await once(this.#server, 'listening');
    this.#server.unref();
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await rm(this.path, { force: true });
  }

  /** Says to everybody that the machine is about to shut down. */
  prepareForShutdown(): void {
    const fields = [
      field(FIELD.path, 'o', LOGIND_PATH),
      field(FIELD.interface, 's', LOGIND_INTERFACE),
      field(FIELD.member, 's', 'PrepareForShutdown'),
      field(FIELD.sender, 's', ':1.0'),
    ];
    const isTrue = uint32(1);
    for (const socket of this.#sockets) socket.write(this.#message(SIGNAL, fields, 'b', isTrue));
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.unref();
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
    let isAuthenticated = false;
    let rest = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (;;) {
        const length = isAuthenticated ? messageLength(rest) : lineLength(rest);
        if (length === undefined || rest.length < length) return;
        const taken = rest.subarray(0, length);
        rest = rest.subarray(length);
        if (isAuthenticated) this.#answer(socket, taken);
        else isAuthenticated = authenticate(socket, taken.toString('latin1').replace('\0', '').trim());
      }
    });
  }

  #answer(socket: Socket, message: Buffer): void {
    const { serial, member, isReplyExpected } = readCall(message);
    if (!isReplyExpected) return;
    const [signature, body] = replyTo(member);
    const fields = [
      { code: FIELD.replySerial, signature: 'u', value: uint32(serial) },
      field(FIELD.sender, 's', ':1.0'),
    ];
    socket.write(this.#message(METHOD_RETURN, fields, signature, body));
  }

  #message(type: number, fields: readonly Field[], signature: string, body: Buffer): Buffer {
    this.#serial += 1;
    const all = signature === '' ? fields : [...fields, field(FIELD.signature, 'g', signature)];
    let list = Buffer.alloc(0);
    for (const { code, signature: of, value } of all) {
      const head = Buffer.concat([padded(list, 8), Buffer.from([code]), signatureBytes(of)]);
      // The list begins at byte 16 of the message, so what is aligned in it is aligned in the message.
      list = Buffer.concat([padded(head, of === 'g' ? 1 : 4), value]);
    }
    const head = Buffer.from(['l'.charCodeAt(0), type, 0, 1]);
    const header = Buffer.concat([head, uint32(body.length), uint32(this.#serial), uint32(list.length), list]);
    return Buffer.concat([padded(header, 8), body]);
  }
}

function replyTo(member: string): [signature: string, body: Buffer] {
  switch (member) {
    case 'Hello':
      return ['s', text(':1.1')];
    case 'Get': {
      const value = Buffer.alloc(8);
      value.writeBigUInt64LE(INHIBIT_DELAY_MAX_US);
      return ['v', Buffer.concat([padded(signatureBytes('t'), 8), value])];
    }
    case 'Inhibit':
      return ['u', uint32(NO_DESCRIPTOR)];
    default:
      return ['', Buffer.alloc(0)];
  }
}

/** One line of the conversation before the first message; true when that is over. */
function authenticate(socket: Socket, line: string): boolean {
  if (line === 'BEGIN') return true;
  if (line === 'AUTH') socket.write('REJECTED EXTERNAL\r\n');
  else if (line.startsWith('AUTH EXTERNAL')) socket.write(`OK ${'0'.repeat(32)}\r\n`);
  else socket.write('ERROR\r\n');
  return false;
}

function lineLength(data: Buffer): number | undefined {
  const end = data.indexOf('\r\n');
  return end < 0 ? undefined : end + 2;
}

const HEADER_BYTES = 16;

function messageLength(data: Buffer): number | undefined {
  if (data.length < HEADER_BYTES) return undefined;
  return aligned(HEADER_BYTES + data.readUInt32LE(12), 8) + data.readUInt32LE(4);
}

interface Call {
  readonly serial: number;
  readonly member: string;
  readonly isReplyExpected: boolean;
}

function readCall(message: Buffer): Call {
  const end = HEADER_BYTES + message.readUInt32LE(12);
  let member = '';
  for (let at = HEADER_BYTES; at < end; ) {
    const code = message.readUInt8(at);
    const type = String.fromCharCode(message.readUInt8(at + 2));
    // After the code come the type's length, the type and a zero.
    const valueAt = type === 'g' ? at + 4 : aligned(at + 4, 4);
    const length = type === 'g' ? message.readUInt8(valueAt) : message.readUInt32LE(valueAt);
    const textAt = valueAt + (type === 'g' ? 1 : 4);
    if (code === FIELD.member) member = message.toString('latin1', textAt, textAt + length);
    at = aligned(type === 'u' ? valueAt + 4 : textAt + length + 1, 8);
  }
  const isReplyExpected = (message.readUInt8(2) & NO_REPLY_EXPECTED) === 0;
  return { serial: message.readUInt32LE(8), member, isReplyExpected };
}

interface Field {
  readonly code: number;
  readonly signature: string;
  readonly value: Buffer;
}

function field(code: number, signature: 's' | 'o' | 'g', value: string): Field {
  return { code, signature, value: signature === 'g' ? signatureBytes(value) : text(value) };
}

function signatureBytes(value: string): Buffer {
  return Buffer.concat([Buffer.from([value.length]), Buffer.from(`${value}\0`)]);
}

function text(value: string): Buffer {
  return Buffer.concat([uint32(value.length), Buffer.from(`${value}\0`)]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function padded(data: Buffer, alignment: number): Buffer {
  return Buffer.concat([data, Buffer.alloc(aligned(data.length, alignment) - data.length)]);
}

function aligned(length: number, alignment: number): number {
  return Math.ceil(length / alignment) * alignment;
}
