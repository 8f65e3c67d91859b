import { messageTable, raw, readMessage } from './message.ts';
import { WireError, type WireReader } from './wire.ts';

/** Every protobuf body of Kubernetes starts with these bytes; a `runtime.Unknown` follows. */
const MAGIC = Buffer.from('k8s\0', 'latin1');

interface UnknownDraft {
  typeMeta: Buffer | undefined;
  object: Buffer | undefined;
}

// Field numbers: k8s.io/apimachinery runtime/generated.proto.
const unknown = messageTable<UnknownDraft>({
  1: raw((draft, value) => {
    draft.typeMeta = value;
  }),
  2: raw((draft, value) => {
    draft.object = value;
  }),
});

interface TypeMetaDraft {
  kind: string;
}

const typeMeta = messageTable<TypeMetaDraft>({
  2: raw((draft, value) => {
    draft.kind = value.toString('latin1', 0, 64);
  }),
});

export function isEnveloped(bytes: Uint8Array): boolean {
  return bytes.length >= MAGIC.length && MAGIC.every((byte, i) => bytes[i] === byte);
}

/** Opens `k8s\0` + `Unknown`: the reader is then at the object's fields; answers the object's kind. */
export function openEnvelope(reader: WireReader): string {
  if (!isEnveloped(reader.bytes.subarray(reader.position, reader.limit))) throw new WireError('no k8s envelope');
  reader.position += MAGIC.length;
  const draft: UnknownDraft = { typeMeta: undefined, object: undefined };
  readMessage(reader, unknown, draft);
  const meta: TypeMetaDraft = { kind: '' };
  if (draft.typeMeta !== undefined) {
    reader.reset(draft.typeMeta);
    readMessage(reader, typeMeta, meta);
  }
  reader.reset(draft.object ?? Buffer.alloc(0));
  return meta.kind;
}
