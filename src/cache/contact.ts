/** When a reader last heard from the API server, and why it does not now. */
export interface ContactReport {
  /** Since something was received, or since the reader was started. */
  readonly silentMs: number;
  /** Since the first of the failures after that; 0 when none is open. */
  readonly failingMs: number;
  /** Of the latest failure; '' when none is open. */
  readonly reason: string;
}

/** A watch that was accepted and stays open for this long is in contact, even if nothing happens in the cluster. */
const OPEN_MS_MIN = 1000;
/** Restarts of an API server and rotated credentials are over by then. */
const FAILING_MS_MAX = 60_000;
/** A quiet watch is asked anew after 90 s (src/client/api.ts): nothing at all for a minute more is no quiet watch. */
const SILENT_MS_MAX = 150_000;

/** Follows one reader. Pure: time is an argument. */
export class Contact {
  #lastMs: number;
  #openedMs: number | undefined = undefined;
  #failure: { readonly sinceMs: number; readonly reason: string } | undefined = undefined;

  constructor(nowMs: number) {
    this.#lastMs = nowMs;
  }

  /** A watch was accepted. */
  opened(nowMs: number): void {
    this.#settle(nowMs);
    this.#openedMs = nowMs;
  }

  /** A page or an event that makes sense. */
  received(nowMs: number): void {
    this.#lastMs = nowMs;
    this.#failure = undefined;
  }

  /** A list or a watch ended with a problem. */
  failed(reason: string, nowMs: number): void {
    this.#settle(nowMs);
    this.#openedMs = undefined;
    this.#failure = { sinceMs: this.#failure?.sinceMs ?? nowMs, reason };
  }

  report(nowMs: number): ContactReport {
    this.#settle(nowMs);
    const silentMs = nowMs - this.#lastMs;
    if (this.#failure === undefined) return { silentMs, failingMs: 0, reason: '' };
    return { silentMs, failingMs: nowMs - this.#failure.sinceMs, reason: this.#failure.reason };
  }

  #settle(nowMs: number): void {
    if (this.#openedMs === undefined || nowMs - this.#openedMs < OPEN_MS_MIN) return;
    this.#lastMs = Math.max(this.#lastMs, this.#openedMs);
    this.#failure = undefined;
    this.#openedMs = undefined;
  }
}

/** Why what a reader knows can be relied on no longer; undefined while it can. */
export function lossOf({ silentMs, failingMs, reason }: ContactReport): string | undefined {
  if (failingMs >= FAILING_MS_MAX) return `failing for ${seconds(failingMs)}: ${reason}`;
  if (silentMs >= SILENT_MS_MAX) return `nothing received for ${seconds(silentMs)}`;
  return undefined;
}

function seconds(durationMs: number): string {
  return `${Math.floor(durationMs / 1000)} s`;
}
