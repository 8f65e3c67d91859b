import { ReferenceFacts, type Status } from './reference-facts.ts';

type Held = 'budget' | 'window' | 'refusals';

/** The decisions of the reference: who fits into the budget and the window, who is next, and why the others are not. */
export class ReferenceDecisions extends ReferenceFacts {
  use(nowMs: number) {
    const all = this.names().map((name) => this.status(name, nowMs));
    const count = (key: keyof Status) => all.filter((status) => status[key] === true).length;
    return { allowed: this.allowed, count, all };
  }

  counts(nowMs: number): Record<string, unknown> {
    const { allowed, count, all } = this.use(nowMs);
    return {
      eligible: count('eligible'),
      ready: count('ready'),
      updated: count('updated'),
      available: count('available'),
      unavailable: count('unavailable'),
      inFlight: count('inFlight'),
      reserved: count('reserved'),
      skippedNotReady: count('skipped'),
      failed: count('failed'),
      waiting: all.filter(({ candidate, held }) => candidate !== undefined || held !== undefined).length,
      repeated: all.filter(({ held }) => held === 'repeated').length,
      refused: all.filter(({ held }) => held === 'refused').length,
      settled: count('settled'),
      allowed,
      window: Math.min(allowed, this.window),
      targetHash: this.target?.hash,
      targetCreatedAtMs: this.target?.createdAtMs ?? 0,
      strategy: this.strategy,
    };
  }

  /** The best candidate that fits now; `held` tells what keeps the best one back. */
  next(window: number, nowMs: number): { name?: string; held?: Held } {
    const { allowed, count } = this.use(nowMs);
    const zoneOf = (name: string) => this.nodes.get(name)?.record.labels['topology.kubernetes.io/zone'] ?? '';
    const inZone = (zone: string) =>
      this.names().filter((name) => zoneOf(name) === zone && this.status(name, nowMs).inFlight).length;
    const rank = { mark: 0, unavailable: 1, available: 2 };
    const candidates = this.names()
      .map((name) => {
        const { candidate } = this.status(name, nowMs);
        const refusal = this.refusals.get(name);
        const usual = candidate === 'mark' ? 0 : (this.podsOn(name)[0]?.record.deletionCost ?? 0);
        const cost = refusal?.action === (candidate === 'mark' ? 'mark' : 'delete') ? refusal.untilMs : usual;
        const zone = candidate === 'mark' ? 0 : inZone(zoneOf(name));
        return { name, candidate, key: candidate === undefined ? [] : [rank[candidate], cost, zone] };
      })
      .filter(({ candidate }) => candidate !== undefined)
      .sort((a, b) => {
        const index = a.key.findIndex((value, place) => value !== b.key[place]);
        return index < 0 ? (a.name < b.name ? -1 : 1) : (a.key[index] ?? 0) - (b.key[index] ?? 0);
      });
    const [best] = candidates;
    if (best === undefined) return {};
    if (best.candidate === 'mark') return this.#mustWait('mark', nowMs) ? { held: 'refusals' } : { name: best.name };
    if (count('inFlight') >= allowed) return { held: 'budget' };
    if (best.candidate === 'available' && count('unavailable') + count('reserved') >= allowed) {
      return { held: 'budget' };
    }
    if (count('inFlight') >= window) return { held: 'window' };
    return this.#mustWait('delete', nowMs) ? { held: 'refusals' } : { name: best.name };
  }

  #mustWait(action: 'delete' | 'mark', nowMs: number): boolean {
    return this.refusedInARow[action] >= 10 && nowMs < this.lastAsk[action].atMs + 1000;
  }

  ask(name: string, nowMs: number): void {
    const pod = this.podsOn(name).find(({ record }) => !record.isTerminating);
    const action = this.strategy === 'OTA' ? 'mark' : 'delete';
    this.asks.set(name, {
      action,
      hash: undefined,
      uid: pod?.record.uid ?? '',
      phase: 'asked',
      dueMs: Number.POSITIVE_INFINITY,
      reads: 0,
      written: undefined,
      hasSetback: false,
    });
    this.lastAsk[action] = { atMs: nowMs, name };
  }

  /** The names; reads come first. */
  select(limit: { count: number; window: number }, nowMs: number): string[] {
    this.window = limit.window;
    if (!this.isSynced) return [];
    const selected: string[] = [];
    const due = [...this.asks].filter(([, ask]) => ask.phase === 'observe-due');
    due.sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [name, ask] of due) {
      if (selected.length >= limit.count) return selected;
      ask.phase = 'observe-asked';
      selected.push(name);
    }
    if (this.isBlocked) return selected;
    while (selected.length < limit.count) {
      const { name } = this.next(limit.window, nowMs);
      if (name === undefined) break;
      this.ask(name, nowMs);
      selected.push(name);
    }
    return selected;
  }

  preview(nowMs: number): { next: Set<string>; held: Held } {
    const lastAsk = { ...this.lastAsk };
    const saved = new Map(this.asks);
    const next = new Set<string>();
    let held: Held = 'budget';
    while (this.strategy !== undefined && !this.isBlocked) {
      const answer = this.next(this.window, nowMs);
      held = answer.held ?? held;
      if (answer.name === undefined) break;
      this.ask(answer.name, nowMs);
      next.add(answer.name);
    }
    this.asks.clear();
    Object.assign(this.lastAsk, lastAsk);
    for (const [name, ask] of saved) this.asks.set(name, ask);
    return { next, held };
  }

  /** Reasons by node, as the plan has them. */
  reasons(nowMs: number): Record<string, string> {
    const { next, held } = this.preview(nowMs);
    return Object.fromEntries(this.names().map((name) => [name, this.#reason(name, next, { held, nowMs })]));
  }

  #reason(name: string, next: Set<string>, { held, nowMs }: { held: string; nowMs: number }): string {
    const status = this.status(name, nowMs);
    const ask = this.asks.get(name);
    const pods = this.podsOn(name);
    const live = pods.filter(({ record }) => !record.isTerminating);
    const isDone = this.dryRun.get(name) !== undefined && this.dryRun.get(name) === this.target?.hash;
    const asked = ask === undefined ? undefined : ask.hasSetback ? 'backoff' : 'in-flight';
    if (this.strategy === undefined) return 'blocked';
    if (this.strategy === 'OTA') {
      if (asked !== undefined) return asked;
      if (isDone) return 'dry-run';
      if (pods.length === 0) return status.eligible ? 'no-pod' : 'not-eligible';
      if (status.settled) return 'marked';
      if (this.isBlocked) return 'blocked';
      return next.has(name) ? 'mark-next' : 'backoff';
    }
    if (!status.eligible) {
      const isOld = live.some(({ record }) => record.phase === 'Running' && !this.isCurrent(record));
      return this.nodes.has(name) && isOld ? 'would-not-be-recreated' : 'not-eligible';
    }
    if (status.failed) return 'failed';
    if (!status.ready) return status.updated ? 'current' : 'node-not-ready';
    if (asked !== undefined) return asked;
    if (isDone) return 'dry-run';
    if (live.length > 1) return 'excess-pods';
    if (pods.length === 0) return 'no-pod';
    if (status.replacing) return 'in-flight';
    if (status.updated) return 'current';
    if (this.isBlocked) return 'blocked';
    if (status.held !== undefined) return status.held === 'repeated' ? 'waiting-repeat' : 'backoff';
    if (next.has(name)) return 'update-next';
    if (held === 'refusals') return 'backoff';
    return held === 'window' ? 'waiting-window' : 'waiting-budget';
  }
}
