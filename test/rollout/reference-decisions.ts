import type { PodRecord } from '../../src/kube/records.ts';
import type { Action, Status } from './reference-facts.ts';
import { ReferenceStatus } from './reference-status.ts';

type Held = 'failed' | 'budget' | 'window' | 'refusals';

/** The decisions of the reference: who fits into the budget and the window, who is next, and why the others are not. */
export class ReferenceDecisions extends ReferenceStatus {
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
      joining: count('joining'),
      brokenBefore: count('brokenBefore'),
      inFlight: count('inFlight'),
      reserved: count('reserved'),
      skippedNotReady: count('skipped'),
      failed: count('failed'),
      waiting: all.filter(({ candidate = 'force', held }) => candidate !== 'force' || held !== undefined).length,
      repeated: all.filter(({ held }) => held === 'repeated').length,
      refused: count('refused'),
      settled: count('settled'),
      allowed,
      window: Math.min(allowed, this.window),
      targetHash: this.target?.hash,
      targetCreatedAtMs: this.target?.createdAtMs ?? 0,
      strategy: this.strategy,
      isPaused: this.isPaused,
    };
  }

  /** Who is next of those that take nothing away: to be marked, or stuck. */
  nextOther(action: 'mark' | 'force-delete', nowMs: number): { name?: string; held?: Held } {
    const candidate = action === 'mark' ? 'mark' : 'force';
    const names = this.names().filter((name) => this.status(name, nowMs).candidate === candidate);
    const waitedUntil = (name: string) => {
      const refusal = this.refusals.get(name);
      return refusal?.action === action ? refusal.untilMs : 0;
    };
    const [best] = names.sort((a, b) => waitedUntil(a) - waitedUntil(b) || (a < b ? -1 : 1));
    if (best === undefined) return {};
    return this.#mustWait(action, nowMs) ? { held: 'refusals' } : { name: best };
  }

  /** The best candidate that fits now; `held` tells what keeps the best one back. */
  next(window: number, nowMs: number): { name?: string; held?: Held } {
    const mark = this.nextOther('mark', nowMs);
    const forced = this.nextOther('force-delete', nowMs);
    if (mark.name !== undefined || mark.held !== undefined) return mark;
    return forced.name === undefined ? this.nextDelete(window, nowMs) : forced;
  }

  nextDelete(window: number, nowMs: number): { name?: string; held?: Held } {
    const { allowed, count } = this.use(nowMs);
    const zoneOf = (name: string) => this.nodes.get(name)?.record.labels['topology.kubernetes.io/zone'] ?? '';
    const inZone = (zone: string) =>
      this.names().filter((name) => zoneOf(name) === zone && this.status(name, nowMs).inFlight).length;
    const candidates = this.names()
      .map((name) => {
        const { candidate } = this.status(name, nowMs);
        const refusal = this.refusals.get(name);
        const usual = (this.liveOn(name).length === 1 ? this.liveOn(name)[0]?.record.deletionCost : 0) ?? 0;
        const cost = refusal?.action === 'delete' ? refusal.untilMs : usual;
        return { name, candidate, key: [candidate === 'unavailable' ? 0 : 1, cost, inZone(zoneOf(name))] };
      })
      .filter(({ candidate }) => candidate === 'unavailable' || candidate === 'available')
      .sort((a, b) => {
        const index = a.key.findIndex((value, place) => value !== b.key[place]);
        return index < 0 ? (a.name < b.name ? -1 : 1) : (a.key[index] ?? 0) - (b.key[index] ?? 0);
      });
    const [best] = candidates;
    if (best === undefined) return {};
    const down = best.candidate === 'available' ? count('unavailable') + count('reserved') : 0;
    if (Math.max(down, count('occupied')) >= allowed) {
      const failed = count('failed');
      const doFailedMatter = failed > 0 && Math.max(down, count('occupied')) - failed < allowed;
      return { held: failed >= allowed || (doFailedMatter && count('inFlight') === 0) ? 'failed' : 'budget' };
    }
    if (count('inFlight') >= window) return { held: 'window' };
    return this.#mustWait('delete', nowMs) ? { held: 'refusals' } : { name: best.name };
  }

  #mustWait(action: Action, nowMs: number): boolean {
    return this.refusedInARow[action] >= 10 && nowMs < this.lastAsk[action].atMs + 1000;
  }

  ask(name: string, nowMs: number): void {
    const isForced = this.status(name, nowMs).candidate === 'force';
    const usual = this.strategy === 'OTA' ? 'mark' : 'delete';
    const staying = this.podsOn(name).find(({ record }) => !record.isTerminating);
    const pod = usual === 'mark' ? staying : this.liveOn(name)[0];
    const action = isForced ? 'force-delete' : usual;
    this.asks.set(name, {
      action,
      hash: undefined,
      uid: (isForced ? this.stuckUid(name, nowMs) : pod?.record.uid) ?? '',
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

  /** Nodes with the write that is refused there. */
  refused(nowMs: number): string[] {
    const names = [...this.refusals.keys()].filter((name) => this.status(name, nowMs).refused);
    return names.map((name) => `${name} ${this.refusals.get(name)?.action}`).sort();
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
    const live = this.liveOn(name);
    const asked = ask === undefined ? undefined : ask.hasSetback ? 'backoff' : 'in-flight';
    if (this.strategy === undefined) return 'blocked';
    if (this.strategy === 'OTA') {
      if (asked !== undefined) return asked;
      if (pods.length === 0) return status.eligible ? 'no-pod' : 'not-eligible';
      if (status.settled) return 'marked';
      if (pods.every(({ record }) => record.unreadable !== undefined)) return 'backoff';
      if (this.isBlocked) return this.isBlockedOtherwise ? 'blocked' : 'paused';
      return next.has(name) ? 'mark-next' : 'backoff';
    }
    if (!status.eligible) {
      return this.#leftAlone(name);
    }
    if (status.failed) return 'failed';
    if (!status.ready && this.nodes.get(name)?.record.unreadable !== undefined) return 'node-unreadable';
    if (!status.ready) return status.updated ? 'current' : 'node-not-ready';
    if (asked !== undefined) return asked;
    if (live.length > 1) return 'excess-pods';
    if (status.brokenBefore) return 'broken-before';
    if (status.joining && !live.some(({ record }) => isRunning(record) && !this.isCurrent(record))) return 'joining';
    if (pods.length === 0) return 'no-pod';
    if (status.replacing) return status.inFlight ? 'in-flight' : 'unavailable';
    if (status.updated) return 'current';
    if (this.isBlocked) return this.isBlockedOtherwise ? 'blocked' : 'paused';
    if (status.held === 'barred') {
      if (this.nodes.get(name)?.record.unreadable !== undefined) return 'node-unreadable';
      return this.fits(name) ? 'would-not-be-recreated' : this.#leftAlone(name);
    }
    if (status.held !== undefined) return status.held === 'repeated' ? 'waiting-repeat' : 'backoff';
    if (next.has(name)) return 'update-next';
    if (held === 'refusals') return 'backoff';
    if (held === 'failed') return 'waiting-failed';
    return held === 'window' ? 'waiting-max-in-flight-per-daemonset' : 'waiting-budget';
  }

  #leftAlone(name: string): string {
    const isOld = this.podsOn(name).some(
      ({ record }) => !record.isTerminating && isRunning(record) && !this.isCurrent(record),
    );
    const taints = this.nodes.get(name)?.record.taints ?? [];
    const mayStay = this.taintOf(name) !== 'excluded' && taints.every(({ effect }) => effect === 'NoSchedule');
    return this.nodes.has(name) && isOld && mayStay ? 'would-not-be-recreated' : 'not-eligible';
  }
}

function isRunning({ phase, unreadable }: PodRecord): boolean {
  return phase === 'Running' && unreadable === undefined;
}
