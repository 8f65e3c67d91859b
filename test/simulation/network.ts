import type { ApiRequest } from '../../src/client/api.ts';
import type { FailureCode } from '../../src/client/failure.ts';
import type { SimRequest, SimResponse } from '../../src/simulator/api-types.ts';
import type { SimulatedCluster } from '../../src/simulator/cluster.ts';
import { type Fate, FaultPlanner, type FaultRates, NO_FAULTS } from '../../src/simulator/faults.ts';
import { forkRandom, type Random } from '../../src/simulator/random.ts';
import { failure, type StatusBody, tooLargeRevision } from '../../src/simulator/status.ts';
import { protectionOf } from './protection.ts';
import type { Kind, Spec } from './spec.ts';
import type { Trace } from './trace.ts';

/** What comes back: an answer of the API server, or why there is none. */
export type SimAnswer =
  | { readonly kind: 'response'; readonly response: SimResponse; readonly fate: Fate }
  | { readonly kind: 'failure'; readonly code: FailureCode; readonly wasSent: boolean; readonly message: string };

export interface SendOptions {
  /** Who asks; the user agent too. */
  readonly from: string;
  /** In true time. */
  readonly timeoutMs: number;
  readonly onAnswer: (answer: SimAnswer) => void;
  /** Around the moment at which the API server handles it; twice for a duplicated request. */
  readonly onHandled?: (response: SimResponse) => void;
}

/** What happens without being a kind of trouble: two processes believe to lead; a stream was not confirmed for too long. */
export type Happened = Kind | 'both-lead' | 'stale-view';
/** How often what happened. */
export type Tally = Map<Happened, number>;

/** What happens to the events of one watch. */
export interface WatchFaults {
  /** Nothing arrives until it breaks after `silentMs`. */
  readonly isSilent: boolean;
  readonly silentMs: number;
  /** So long nothing but bookmarks arrives; then the events do, or the connection breaks. 0: not so. */
  readonly bookmarksMs: number;
  readonly isCutAfterBookmarks: boolean;
  readonly stallMs: () => number;
}

const REFUSALS: Readonly<Record<number, Kind>> = {
  403: 'forbidden',
  409: 'conflict',
  410: 'watch-expired',
  429: 'throttled',
};

const DUPLICATE_SHARE = 0.2;
const SILENCE_SHARE = 0.15;
const SILENCE_MS_MAX = 60_000;
const STALL_SHARE = 0.3;
const STALE_LIST_SHARE = 0.5;
/** How far an API server's cache is behind, at most: in revisions, in time. */
const STALE_REVISIONS_MAX = 200;
const STALE_MS_MAX = 30_000;
const BOOKMARKS_SHARE = 0.3;
const BOOKMARKS_MS_MAX = 40_000;

/** Carries requests between a process and the API server in virtual time, and lets happen to them what the seed wants. */
export class Network {
  readonly cluster: SimulatedCluster;
  readonly #trace: Trace;
  readonly #planner: FaultPlanner;
  readonly #random: Random;
  readonly #faultRandom: Random;
  readonly #kinds: Map<Kind, number>;
  readonly #latencyMs: number;
  readonly tally: Tally;
  /** When each revision came, for caches that are behind by time. */
  readonly #commitTimesMs: { readonly atMs: number; readonly revision: number }[] = [];
  #isDown = false;

  constructor(options: { cluster: SimulatedCluster; trace: Trace; spec: Spec; random: Random; tally: Tally }) {
    const { cluster, trace, spec, random, tally } = options;
    this.cluster = cluster;
    this.#trace = trace;
    this.tally = tally;
    this.#planner = new FaultPlanner(ratesOf(spec.kinds), forkRandom(random));
    this.#random = forkRandom(random);
    this.#faultRandom = forkRandom(random);
    this.#kinds = new Map(spec.kinds);
    this.#latencyMs = spec.latencyMs;
    if (!spec.kinds.has('lagging-cache')) return;
    cluster.store.onCommit(({ revision }) => this.#commitTimesMs.push({ atMs: cluster.nowMs, revision }));
  }

  /** From now on every request takes its time and nothing else happens to it. */
  endFaults(): void {
    this.#planner.setRates(NO_FAULTS);
    this.#kinds.clear();
    this.setDown(false);
  }

  /** A restarting API server: connections are refused, and open watches end. */
  setDown(isDown: boolean): void {
    this.#isDown = isDown;
    if (isDown) this.cluster.api.endWatches();
  }

  latencyMs(): number {
    return this.#latencyMs * (0.3 - 0.7 * Math.log(1 - this.#random()));
  }

  send(request: ApiRequest, options: SendOptions): void {
    const { timeline } = this.cluster;
    const wire = wireOf(request, options.from);
    const fate = this.#planner.draw(wire, timeline.nowMs);
    this.#trace.note(timeline.nowMs, options.from, `${fate.fate} ${wire.method} ${wire.url}`);
    this.#count(fate);
    let isOpen = true;
    const settle = (answer: SimAnswer): void => {
      if (!isOpen) {
        if (answer.kind === 'response' && answer.response.kind === 'watch') answer.response.watch.stop();
        return;
      }
      isOpen = false;
      timeline.cancel(timeout);
      options.onAnswer(answer);
    };
    const timeout = timeline.after(options.timeoutMs, () => settle(broken('timeout', true)));
    if (this.#isDown) {
      timeline.after(this.latencyMs(), () => settle(broken('connection-refused', false)));
      return;
    }
    const isDuplicated = request.method !== 'GET' && this.#happens('duplicated', DUPLICATE_SHARE);
    timeline.after(this.latencyMs() + fate.arrivalDelayMs, () => this.#arrive(wire, fate, options, settle));
    // What was refused for good is not let in as a copy: nobody could know.
    if (!isDuplicated || fate.refusal?.code === 403 || this.#protection(wire) !== undefined) return;
    this.#bump('duplicated');
    timeline.after(this.latencyMs() + 2000 * this.#faultRandom(), () => this.#handleAgain(wire, options));
  }

  /** What to do with each event of a watch that was opened: how late it is, and when the connection breaks. */
  watchFaults(resource: string): WatchFaults {
    const isSilent = this.#happens('watch-silent', SILENCE_SHARE);
    if (isSilent) this.#bump('watch-silent');
    const silentMs = isSilent ? SILENCE_MS_MAX * this.#faultRandom() : 0;
    const stallMs = (): number => {
      const isLate = resource === 'controllerrevisions' && this.#kinds.has('late-revisions');
      const kind = isLate ? 'late-revisions' : 'watch-stall';
      const intensity = this.#kinds.get(kind) ?? 0;
      if (intensity === 0 || this.#faultRandom() >= (isLate ? 1 : STALL_SHARE * intensity)) return 0;
      this.#bump(kind);
      return (isLate ? 90_000 : 15_000) * intensity * this.#faultRandom();
    };
    const isOnlyBookmarks = !isSilent && this.#happens('bookmarks-only', BOOKMARKS_SHARE);
    if (isOnlyBookmarks) this.#bump('bookmarks-only');
    const bookmarksMs = isOnlyBookmarks ? BOOKMARKS_MS_MAX * this.#faultRandom() : 0;
    return {
      isSilent,
      silentMs,
      bookmarksMs,
      isCutAfterBookmarks: isOnlyBookmarks && this.#faultRandom() < 0.5,
      stallMs,
    };
  }

  #arrive(wire: SimRequest, fate: Fate, options: SendOptions, settle: (answer: SimAnswer) => void): void {
    const { timeline } = this.cluster;
    if (this.#isDown || fate.fate === 'lost-before') {
      timeline.after(this.latencyMs() + 3000 * this.#faultRandom(), () => settle(broken('connection-lost', true)));
      return;
    }
    const response = this.#handle(wire, fate, options);
    const delayMs = this.latencyMs() + fate.answerDelayMs;
    if (fate.fate !== 'lost-after') {
      timeline.after(delayMs, () => settle({ kind: 'response', response, fate }));
      return;
    }
    if (response.kind === 'watch') response.watch.stop();
    // Some proxies answer for the server that they lost.
    const lost: SimAnswer =
      this.#faultRandom() < 0.5
        ? broken('connection-lost', true)
        : { kind: 'response', response: { kind: 'status', status: 502, body: BAD_GATEWAY, encoding: 'json' }, fate };
    timeline.after(delayMs, () => settle(lost));
  }

  #handle(wire: SimRequest, fate: Fate, options: SendOptions): SimResponse {
    const { timeline } = this.cluster;
    const refusal = fate.refusal ?? this.#protection(wire);
    const response: SimResponse =
      refusal !== undefined
        ? { kind: 'status', status: refusal.code ?? 500, body: refusal, encoding: 'json' }
        : (this.#staleList(wire) ?? this.cluster.api.handle(wire));
    this.#trace.note(timeline.nowMs, 'api', `${response.status} ${wire.method} ${wire.url}`);
    if (refusal === undefined) options.onHandled?.(response);
    return response;
  }

  /** Some middle box sends the request a second time. */
  #handleAgain(wire: SimRequest, options: SendOptions): void {
    if (this.#isDown) return;
    const response = this.cluster.api.handle(wire);
    this.#trace.note(this.cluster.nowMs, 'api', `again ${response.status} ${wire.method} ${wire.url}`);
    options.onHandled?.(response);
  }

  /** A list that may be answered from a cache comes from one that is behind, but not behind what was asked for. */
  #staleList(wire: SimRequest): SimResponse | undefined {
    if (wire.method !== 'GET' || !/[?&]resourceVersion=\d/.test(wire.url)) return undefined;
    const behind = this.#revisionBehind();
    if (behind === undefined) return undefined;
    const asked = Number(/[?&]resourceVersion=(\d+)/.exec(wire.url)?.[1]);
    if (behind < asked) {
      const body = tooLargeRevision(asked, behind);
      return { kind: 'status', status: 504, body, encoding: 'json' };
    }
    if (/[?&]watch=true/.test(wire.url)) return undefined;
    const url = wire.url.replace(/resourceVersion=\d+/, `resourceVersion=${behind}&resourceVersionMatch=Exact`);
    const response = this.cluster.api.handle({ ...wire, url });
    return response.status === 410 ? undefined : response;
  }

  /** What a cache that is behind has; undefined: it is not behind. */
  #revisionBehind(): number | undefined {
    const { store, nowMs } = this.cluster;
    if (this.#happens('stale-list', STALE_LIST_SHARE)) {
      this.#bump('stale-list');
      return store.revision - Math.floor(this.#faultRandom() * STALE_REVISIONS_MAX);
    }
    if (!this.#happens('lagging-cache', STALE_LIST_SHARE)) return undefined;
    this.#bump('lagging-cache');
    const atMs = nowMs - STALE_MS_MAX * this.#faultRandom();
    return this.#commitTimesMs.findLast((commit) => commit.atMs <= atMs)?.revision;
  }

  #protection(wire: SimRequest): StatusBody | undefined {
    const refusal = protectionOf(wire, this.#kinds.get('protected-pods') ?? 0);
    if (refusal !== undefined) this.#bump('protected-pods');
    return refusal;
  }

  #happens(kind: Kind, share: number): boolean {
    const intensity = this.#kinds.get(kind) ?? 0;
    return intensity > 0 && this.#faultRandom() < share * intensity;
  }

  #count(fate: Fate): void {
    if (fate.fate === 'refused') this.#bump(REFUSALS[fate.refusal?.code ?? 0] ?? 'internal-error');
    else if (fate.fate !== 'normal') this.#bump(fate.fate);
    if (fate.arrivalDelayMs > 0) this.#bump('slow');
    if (fate.cutAfterMs !== undefined) this.#bump('watch-cut');
    if (fate.eventDelayMs > 0) this.#bump('watch-late');
  }

  #bump(what: Kind): void {
    this.tally.set(what, (this.tally.get(what) ?? 0) + 1);
  }
}

function broken(code: FailureCode, wasSent: boolean): SimAnswer {
  return { kind: 'failure', code, wasSent, message: code };
}

function wireOf(request: ApiRequest, from: string): SimRequest {
  const { method, path, query, body, contentType, accept } = request;
  let url = path;
  let separator = '?';
  for (const name in query) {
    const value = query[name] ?? '';
    if (value === '') continue;
    url += `${separator}${name}=${encodeURIComponent(value)}`;
    separator = '&';
  }
  return {
    method,
    url,
    headers: { accept, 'content-type': contentType, 'user-agent': from },
    body: typeof body === 'string' ? body : undefined,
  };
}

function ratesOf(kinds: ReadonlyMap<Kind, number>): FaultRates {
  const of = (kind: Kind): number => kinds.get(kind) ?? 0;
  return {
    ...NO_FAULTS,
    lostBefore: 0.15 * of('lost-before'),
    lostAfter: 0.15 * of('lost-after'),
    slow: 0.3 * of('slow'),
    slowMs: 20_000 * of('slow'),
    conflict: 0.4 * of('conflict'),
    throttled: 0.4 * of('throttled'),
    retryAfterSecondsMax: 1 + 10 * of('throttled'),
    internalError: 0.3 * of('internal-error'),
    forbiddenSpellsPerMinute: 2 * of('forbidden'),
    forbiddenSpellMs: 30_000 * of('forbidden'),
    forbiddenReadShare: 0.5,
    watchCut: of('watch-cut'),
    watchCutMs: 40_000,
    watchLate: of('watch-late'),
    watchLagMs: 10_000 * of('watch-late'),
    watchExpired: 0.4 * of('watch-expired'),
  };
}

const BAD_GATEWAY = failure({ code: 502, reason: 'BadGateway', message: 'bad gateway' });
