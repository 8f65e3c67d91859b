/** One field of a protobuf message: the bytes of a length-delimited one, the number of a varint. */
export type Field = { readonly number: number; readonly bytes: Buffer; readonly value: number };

/** A message's fields in their order; knows nothing of any schema, and nothing of the encoder it checks. */
export function readFields(message: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message.readUInt8(at);
      at += 1;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const key = varint();
    const number = Math.floor(key / 8);
    const wireType = key % 8;
    const value = varint();
    if (wireType === 0) fields.push({ number, bytes: Buffer.alloc(0), value });
    else if (wireType === 2) {
      if (at + value > message.length) throw new Error(`field ${number} ends after its message`);
      fields.push({ number, bytes: message.subarray(at, at + value), value });
      at += value;
    } else throw new Error(`field ${number} has wire type ${wireType}`);
  }
  return fields;
}

/** The content at a path of field numbers, the first of each. */
export function bytesAt(message: Buffer, ...path: number[]): Buffer | undefined {
  let bytes: Buffer | undefined = message;
  for (const number of path) bytes = bytes && readFields(bytes).find((field) => field.number === number)?.bytes;
  return bytes;
}

export function textAt(message: Buffer, ...path: number[]): string | undefined {
  return bytesAt(message, ...path)?.toString();
}

/** Takes an object out of Kubernetes' envelope. */
export function unwrap(body: Buffer): { apiVersion: string; kind: string; message: Buffer } {
  const magic = body.subarray(0, 4).toString('latin1');
  if (magic !== 'k8s\0') throw new Error(`the body starts with ${JSON.stringify(magic)}`);
  const unknown = body.subarray(4);
  const apiVersion = textAt(unknown, 1, 1) ?? '';
  const kind = textAt(unknown, 1, 2) ?? '';
  return { apiVersion, kind, message: bytesAt(unknown, 2) ?? Buffer.alloc(0) };
}
