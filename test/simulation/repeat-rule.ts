import { type DaemonSetKey, daemonSetOfSlot, type SlotKey } from '../../src/protocol/slot.ts';

/**
 * Deletions of one slot's pods for one revision: two at once, then with 10, 20, 40, 80, 160 s and 5 min between them. So, after the
 * second, the third is 10 s later, the fifth 70 s, and the eighth 610 s.
 */
const LIMITS = [
  { withinMs: 10_000, most: 2 },
  { withinMs: 60_000, most: 4 },
  { withinMs: 600_000, most: 7 },
] as const;
const WINDOW_MS = 600_000;

/** A deletion that was sent, and has not been refused or found to be without effect. */
interface SentDeletion {
  readonly uid: string;
  /** Of the newest revision that the process knew. */
  readonly hash: string;
  /** Another node of the same name begins anew. */
  readonly nodeUid: string;
  readonly atMs: number;
}

/** Which pods one process has deleted lately, by slot; a deletion that is tried again counts once. */
export class DeletionLog {
  readonly #deletions = new Map<SlotKey, readonly SentDeletion[]>();

  /** Says what is wrong with it: '' is nothing. */
  add(slot: SlotKey, sent: SentDeletion): string {
    const isSame = ({ uid, nodeUid, atMs }: SentDeletion): boolean =>
      uid !== sent.uid && nodeUid === sent.nodeUid && atMs > sent.atMs - WINDOW_MS;
    const deletions = [...(this.#deletions.get(slot) ?? []).filter(isSame), sent];
    this.#deletions.set(slot, deletions);
    const agesMs = sinceThird(deletions)
      .filter(({ hash }) => hash === sent.hash)
      .map(({ atMs }) => sent.atMs - atMs);
    for (const { withinMs, most } of LIMITS) {
      const count = agesMs.filter((ageMs) => ageMs < withinMs).length;
      if (count > most) return `${count} pods deleted for revision ${sent.hash} within ${withinMs / 1000} s`;
    }
    return '';
  }

  /** The last deletion of the slot was refused, or found to be without effect. */
  takeBack(slot: SlotKey): void {
    const deletions = this.#deletions.get(slot);
    if (deletions !== undefined) this.#deletions.set(slot, deletions.slice(0, -1));
  }

  unfollow(key: DaemonSetKey): void {
    for (const slot of this.#deletions.keys()) if (daemonSetOfSlot(slot) === key) this.#deletions.delete(slot);
  }
}

/** Those for the last two revisions: one that is neither of the two before it begins anew. */
function sinceThird(deletions: readonly SentDeletion[]): readonly SentDeletion[] {
  const hashes = new Set<string>();
  const third = deletions.findLastIndex(({ hash }) => hashes.add(hash).size > 2);
  return deletions.slice(third + 1);
}
