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

/** From when on contact counts as lost. */
export interface ContactLimits {
  readonly failingMs: number;
  readonly silentMs: number;
}

export const CONTACT_LIMITS: ContactLimits = {
  /** Restarts of an API server and rotated credentials are over by then. */
  failingMs: 60_000,
  /** A quiet watch is asked anew after 90 s (src/client/api.ts): nothing at all for a minute more is no quiet watch. */
  silentMs: 150_000,
};
/** How long contact has to last before what was missed meanwhile has come in. */
const CATCH_UP_MS = 2000;

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

  /** A watch is over: it can show nothing any more. */
  closed(nowMs: number): void {
    this.#settle(nowMs);
    this.#openedMs = undefined;
  }

  /** A page of a list: somebody is there. It ends no failure, because the pages that follow may fail again and again. */
  heard(nowMs: number): void {
    this.#lastMs = nowMs;
  }

  /** An event that makes sense. */
  received(nowMs: number): void {
    this.#lastMs = nowMs;
    this.#failure = undefined;
  }

  /** A list or a watch ended with a problem. */
  failed(reason: string, nowMs: number): void {
    this.closed(nowMs);
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
export function lossOf(
  { silentMs, failingMs, reason }: ContactReport,
  limits: ContactLimits = CONTACT_LIMITS,
): string | undefined {
  if (failingMs >= limits.failingMs) return `failing for ${seconds(failingMs)}: ${reason}`;
  if (silentMs >= limits.silentMs) return `nothing received for ${seconds(silentMs)}`;
  return undefined;
}

/** The same for deciding, asked about once a second: the first event after a loss does not yet tell all that was missed. */
export class LossMemory {
  readonly #limits: ContactLimits;
  #last: { readonly seenMs: number; readonly loss: string } | undefined = undefined;

  constructor(limits: ContactLimits) {
    this.#limits = limits;
  }

  lossOf(report: ContactReport, nowMs: number): string | undefined {
    const loss = lossOf(report, this.#limits);
    if (loss !== undefined) this.#last = { seenMs: nowMs, loss };
    else if (this.#last !== undefined && nowMs - this.#last.seenMs >= CATCH_UP_MS) this.#last = undefined;
    return this.#last?.loss;
  }
}

/** A reader, and what is to be said about it when it is lost. */
export interface Confirmed<Identity> {
  readonly identity: Identity;
  readonly memory: LossMemory;
  contact(): ContactReport;
}

/** Those that cannot be relied on for deciding, and why; to be asked about once a second. */
export function lossesOf<Identity extends object>(
  readers: Iterable<Confirmed<Identity>>,
  nowMs: number,
): readonly (Identity & { readonly reason: string })[] {
  const losses: (Identity & { readonly reason: string })[] = [];
  for (const { identity, memory, contact } of readers) {
    const reason = memory.lossOf(contact(), nowMs);
    if (reason !== undefined) losses.push({ ...identity, reason });
  }
  return losses;
}

function seconds(durationMs: number): string {
  return `${Math.floor(durationMs / 1000)} s`;
}
