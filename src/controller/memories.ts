import type { Followed } from './followed.ts';

/** What rollouts have to know that nobody can read from the cluster, by DaemonSet UID: from one leader to the next. */
export class Memories {
  /** The one that changed last at the end. */
  readonly #texts = new Map<string, string>();

  /** What an earlier leader left; rollouts are told by whoever calls. */
  take(memories: ReadonlyMap<string, string>): void {
    this.#texts.clear();
    for (const [uid, text] of memories) this.#texts.set(uid, text);
  }

  of(uid: string): string | undefined {
    return this.#texts.get(uid);
  }

  forget(uid: string): void {
    this.#texts.delete(uid);
  }

  /** As the rollouts have it now. `isComplete`: what is not followed is not there; until then it may come yet. */
  collect(followed: Iterable<Followed>, isComplete: boolean): ReadonlyMap<string, string> {
    const gone = new Set(isComplete ? this.#texts.keys() : []);
    for (const { uid, rollout } of followed) {
      gone.delete(uid);
      const text = rollout.memory();
      // Not known yet: what was left stays, or a leader that begins would wipe it out.
      if (text === undefined || text === this.#texts.get(uid)) continue;
      this.#texts.delete(uid);
      this.#texts.set(uid, text);
    }
    for (const uid of gone) this.#texts.delete(uid);
    return this.#texts;
  }
}
