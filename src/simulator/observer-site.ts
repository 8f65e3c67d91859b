/** Nodes that went away so close to each other may have gone together. */
const TOGETHER_MS = 120_000;
/** The question is asked again: a site's nodes are not noticed in one moment. */
const LOOKS_MS = [0, 15_000, 30_000, 60_000, 125_000];

interface Seen {
  zone: string;
  isReady: boolean;
  /** When it went NotReady, each time. */
  wentMs: number[];
  cameMs: number;
}

/** When nodes went NotReady, and whether the surroundings of one went with it. */
export class SiteWatch {
  readonly #nodes = new Map<string, Seen>();

  note(name: string, zone: string, isReady: boolean, nowMs: number): void {
    const seen = this.#nodes.get(name);
    if (seen === undefined) this.#nodes.set(name, { zone, isReady, wentMs: isReady ? [] : [-1], cameMs: nowMs });
    else {
      if (seen.isReady && !isReady) seen.wentMs = [...seen.wentMs.slice(-20), nowMs];
      if (!seen.isReady && isReady) seen.cameMs = nowMs;
      seen.zone = zone;
      seen.isReady = isReady;
    }
  }

  forget(name: string): void {
    this.#nodes.delete(name);
  }

  /** Since when the node is NotReady; undefined: it is Ready, or nobody knows it. */
  awaySinceMs(name: string): number | undefined {
    const seen = this.#nodes.get(name);
    return seen === undefined || seen.isReady ? undefined : seen.wentMs.at(-1);
  }

  /** Whether its site went, and not the node by itself: as it looked when the question was last asked, or looks now. */
  wentWithSite(name: string, isRecent: (other: string) => boolean, nowMs: number): boolean {
    const atMs = this.awaySinceMs(name) ?? nowMs;
    const lookMs = LOOKS_MS.map((afterMs) => atMs + afterMs).findLast((look) => look <= nowMs) ?? nowMs;
    return [lookMs, nowMs].some((asOfMs) => this.#isSite(name, atMs, { isRecent, asOfMs }));
  }

  #isSite(
    name: string,
    atMs: number,
    { isRecent, asOfMs }: { isRecent: (other: string) => boolean; asOfMs: number },
  ): boolean {
    const zone = this.#nodes.get(name)?.zone;
    const [recent, others] = [
      { all: 0, gone: 0 },
      { all: 0, gone: 0 },
    ];
    for (const [other, seen] of this.#nodes) {
      if (seen.zone !== zone) continue;
      const hasGone = seen.wentMs.some((wentMs) => Math.abs(wentMs - atMs) <= TOGETHER_MS && wentMs <= asOfMs);
      const hadBeenReady = hasGone || seen.isReady || (seen.wentMs.at(-1) ?? 0) > asOfMs;
      if (!hadBeenReady) continue;
      const group = isRecent(other) ? recent : others;
      group.all += 1;
      if (hasGone) group.gone += 1;
    }
    if (others.gone === 0) return false;
    return others.gone / others.all >= (0.5 * recent.gone) / Math.max(1, recent.all);
  }
}
