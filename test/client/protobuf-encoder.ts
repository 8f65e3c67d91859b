/** Writes the protobuf wire format, for fixtures. Knows nothing of the decoder. */
export type Part = Uint8Array;

export function varintBytes(value: number | bigint): Uint8Array {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return Uint8Array.from(bytes);
}

export function join(parts: readonly Part[]): Buffer {
  return Buffer.concat(parts);
}

export function varint(field: number, value: number | bigint): Part {
  return join([varintBytes(field << 3), varintBytes(value)]);
}

export function bytes(field: number, value: Uint8Array): Part {
  return join([varintBytes((field << 3) | 2), varintBytes(value.length), value]);
}

export function text(field: number, value: string): Part {
  return bytes(field, Buffer.from(value, 'utf8'));
}

export function message(field: number, parts: readonly Part[]): Part {
  return bytes(field, join(parts));
}

export function fixed64(field: number): Part {
  return join([varintBytes((field << 3) | 1), new Uint8Array(8)]);
}

export function stringMap(field: number, map: Readonly<Record<string, string>>): Part[] {
  return Object.entries(map).map(([key, value]) => message(field, [text(1, key), text(2, value)]));
}

/** A metav1.Time of an RFC 3339 time, in whole seconds. */
export function time(field: number, at: string): Part {
  return message(field, [varint(1, Math.floor(Date.parse(at) / 1000)), varint(2, 0)]);
}

/** `k8s\0` + runtime.Unknown. */
export function envelope(kind: string, object: Uint8Array): Buffer {
  const typeMeta = message(1, [text(1, 'v1'), text(2, kind)]);
  return join([Buffer.from('k8s\0'), typeMeta, bytes(2, object), text(3, ''), text(4, '')]);
}

export function listBytes(
  kind: string,
  options: {
    readonly items: readonly Uint8Array[];
    readonly resourceVersion?: string;
    readonly continueToken?: string;
  },
): Buffer {
  const meta = message(1, [
    text(1, ''),
    text(2, options.resourceVersion ?? '1000'),
    text(3, options.continueToken ?? ''),
    varint(4, 7),
  ]);
  return envelope(kind, join([meta, ...options.items.map((item) => bytes(2, item))]));
}

/** A frame of a watch. */
export function frame(type: string, kind: string, object: Uint8Array): Buffer {
  const event = join([text(1, type), message(2, [bytes(1, envelope(kind, object))])]);
  const header = Buffer.alloc(4);
  header.writeUInt32BE(event.length);
  return join([header, event]);
}
