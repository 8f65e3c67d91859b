import type { NodeObject } from '../../src/simulator/objects.ts';

/** Nodes that went so close to each other went together. */
const WINDOW_MS = 2 * 60_000;
/** The last question; until then the answer may be one or the other as soon as anybody else went. */
const ASKED_LAST_MS = 125_000;
/** A question is asked a moment late at most, and times of two streams differ. */
const LATE_MS = 1500;
/** Who was replaced lately may be told a little differently. */
const DOUBT = 1.25;

interface Story {
  zone: string;
  isReady: boolean;
  readonly lostAtMs: number[];
  /** When it was Ready again, for the last time. */
  backAtMs: number;
}

export interface Surroundings {
  /** Whether the node's pod was being replaced, or had been lately, then. */
  readonly isRecent: (nodeName: string) => boolean;
  readonly counts: (nodeName: string) => boolean;
}

/** When a process was told of nodes that they are not Ready, and what follows for one of them. */
export class SiteLog {
  readonly #stories = new Map<string, Story>();

  see(node: NodeObject, isReady: boolean, nowMs: number): void {
    const { name, labels = {} } = node.metadata;
    const zone = labels['topology.kubernetes.io/zone'] ?? '';
    const story = this.#stories.get(name);
    if (story === undefined) {
      this.#stories.set(name, { zone, isReady, lostAtMs: isReady ? [] : [nowMs], backAtMs: nowMs });
      return;
    }
    if (story.isReady && !isReady) story.lostAtMs.push(nowMs);
    if (!story.isReady && isReady) story.backAtMs = nowMs;
    story.isReady = isReady;
    story.zone = zone;
  }

  forget(nodeName: string): void {
    this.#stories.delete(nodeName);
  }

  /** Since when the node has been Ready, if it is. */
  readySinceMs(nodeName: string): number {
    return this.#stories.get(nodeName)?.backAtMs ?? Number.POSITIVE_INFINITY;
  }

  /** Whether the process may say that the site went, and not the node by itself. */
  mayBeSite(nodeName: string, nowMs: number, around: Surroundings): boolean {
    const lost = this.#stories.get(nodeName);
    const lostAtMs = lost?.lostAtMs.at(-1);
    if (lost === undefined || lostAtMs === undefined) return false;
    const isLast = nowMs - lostAtMs >= ASKED_LAST_MS + LATE_MS;
    return [true, false].some((isAll) => this.#isSite(lost.zone, lostAtMs, { ...around, isLast, isAll }));
  }

  #isSite(zone: string, lostAtMs: number, about: Surroundings & { isLast: boolean; isAll: boolean }): boolean {
    let [recentLost, recent, othersLost, others] = [0, 0, 0, 0];
    for (const [name, story] of this.#stories) {
      if (story.zone !== zone || !(about.isAll || about.counts(name))) continue;
      const isLost = story.lostAtMs.some((atMs) => Math.abs(atMs - lostAtMs) <= WINDOW_MS + LATE_MS);
      if (!isLost && !story.isReady && (story.lostAtMs.at(-1) ?? 0) < lostAtMs) continue;
      if (about.isRecent(name)) {
        recent += 1;
        if (isLost) recentLost += 1;
      } else {
        others += 1;
        if (isLost) othersLost += 1;
      }
    }
    if (othersLost === 0 || !about.isLast) return othersLost > 0;
    return othersLost * 2 * Math.max(1, recent) * DOUBT >= recentLost * others;
  }
}
