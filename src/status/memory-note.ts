import { objectOf, parseJson } from '../kube/json-object.ts';

/** What the leaders' rollouts remember together, as it is stored: bounded, whatever they want to say. */
export const MEMORY_BYTES_MAX = 64 * 1024;
const MEMORY_VERSION = 1;
const UID_CHARACTERS_MAX = 128;

export interface EncodedMemory {
  readonly text: string;
  /** UIDs of DaemonSets whose memory had no room. */
  readonly dropped: readonly string[];
}

/** By DaemonSet UID, the one that changed last at the end: it is the last to be left out. */
export function encodeMemory(memories: ReadonlyMap<string, string>): EncodedMemory {
  const kept: string[] = [];
  const dropped: string[] = [];
  let bytes = Buffer.byteLength(wrapped(''));
  for (const [uid, text] of [...memories].reverse()) {
    const entry = JSON.stringify([uid, text]);
    // With the comma before it.
    const entryBytes = Buffer.byteLength(entry) + 1;
    if (bytes + entryBytes > MEMORY_BYTES_MAX) {
      dropped.push(uid);
      continue;
    }
    bytes += entryBytes;
    kept.push(entry);
  }
  return { text: kept.length === 0 ? '' : wrapped(kept.reverse().join(',')), dropped };
}

/** Anybody may have written it: what is malformed, too long or of another version is left out. */
export function decodeMemory(text: string | undefined): ReadonlyMap<string, string> {
  const memories = new Map<string, string>();
  if (text === undefined || text === '' || Buffer.byteLength(text) > MEMORY_BYTES_MAX) return memories;
  for (const entry of entriesOf(text)) {
    if (!Array.isArray(entry) || entry.length !== 2) continue;
    const [uid, memory]: readonly unknown[] = entry;
    if (typeof uid !== 'string' || typeof memory !== 'string') continue;
    if (uid !== '' && uid.length <= UID_CHARACTERS_MAX) memories.set(uid, memory);
  }
  return memories;
}

function wrapped(entries: string): string {
  return `{"v":${MEMORY_VERSION},"daemonSets":[${entries}]}`;
}

function entriesOf(text: string): readonly unknown[] {
  const { v, daemonSets } = objectOf(parseJson(text)) ?? {};
  return v === MEMORY_VERSION && Array.isArray(daemonSets) ? daemonSets : [];
}
