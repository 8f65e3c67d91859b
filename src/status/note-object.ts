import { objectOf, parseJson } from '../kube/json-object.ts';

/** What the leader tells and remembers: keys of a ConfigMap beside its lease. */
export interface StoredNote {
  /** For `status` and `plan`: see leader-note.ts. */
  readonly status: string | undefined;
  /** For the next leader: see memory-note.ts. */
  readonly memory: string | undefined;
  /** When `status` was written, by the writer's wall clock; 0 when absent or malformed. */
  readonly writtenAtMs: number;
  readonly resourceVersion: string;
}

/**
 * An object of its own: whatever is in the lease is stored anew with each of its renewals. A ConfigMap, as the cluster
 * autoscaler's; not named as the lease, because people name what they configure after the program.
 */
export function noteName(leaseName: string): string {
  return `${leaseName}-status`;
}

/** Reads the JSON of a ConfigMap; undefined when it is something else. */
export function parseNoteObject(body: Uint8Array): StoredNote | undefined {
  const object = objectOf(parseJson(new TextDecoder().decode(body)));
  const resourceVersion = objectOf(object?.metadata)?.resourceVersion;
  if (typeof resourceVersion !== 'string' || resourceVersion === '') return undefined;
  const { status, memory, writtenAt } = objectOf(object?.data) ?? {};
  const writtenAtMs = typeof writtenAt === 'string' ? Date.parse(writtenAt) : Number.NaN;
  return {
    status: typeof status === 'string' ? status : undefined,
    memory: typeof memory === 'string' ? memory : undefined,
    writtenAtMs: Number.isNaN(writtenAtMs) ? 0 : writtenAtMs,
    resourceVersion,
  };
}

export interface NoteData {
  readonly status: string;
  /** Undefined: as it is. */
  readonly memory: string | undefined;
  readonly writtenAtMs: number;
}

/** The keys that a write sets; others of the same object stay. */
export function noteData({ status, memory, writtenAtMs }: NoteData): Readonly<Record<string, string>> {
  const told = { status, writtenAt: new Date(writtenAtMs).toISOString() };
  return memory === undefined ? told : { ...told, memory };
}
