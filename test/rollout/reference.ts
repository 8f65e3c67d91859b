import type { DaemonSetRecord, NodeRecord, PodRecord, RevisionRecord } from '../../src/kube/records.ts';
import type { Outcome } from '../../src/protocol/outcome.ts';
import type { Task } from '../../src/protocol/task.ts';
import { DS_UID, slot as slotOf } from './records.ts';

/**
 * The rules of the rollout written down a second time, as plainly as possible: everything is computed again from lists
 * whenever somebody asks. Slow on purpose. It shares no code with what it checks but the record types, and knows only the
 * policies that the property test uses (a count as max-unavailable, no selectors, one kind of taint).
 */
interface RefAsk {
  action: 'delete' | 'mark';
  uid: string;
  phase: 'asked' | 'sent' | 'watching' | 'observe-due' | 'observe-asked' | 'observe-sent';
  dueMs: number;
  reads: number;
  written: string | undefined;
  hasSetback: boolean;
}

interface Status {
  eligible: boolean;
  ready: boolean;
  updated: boolean;
  available: boolean;
  unavailable: boolean;
  inFlight: boolean;
  reserved: boolean;
  skipped: boolean;
  failed: boolean;
  replacing: boolean;
  settled: boolean;
  candidate: 'unavailable' | 'available' | 'mark' | undefined;
}

const NOTHING: Status = {
  eligible: false,
  ready: false,
  updated: false,
  available: false,
  unavailable: false,
  inFlight: false,
  reserved: false,
  skipped: false,
  failed: false,
  replacing: false,
  settled: false,
  candidate: undefined,
};

export class Reference {
  readonly nodes = new Map<string, { record: NodeRecord; notReadySince: number }>();
  readonly pods = new Map<string, { record: PodRecord; readySince: number }>();
  readonly revisions = new Map<string, RevisionRecord>();
  readonly asks = new Map<string, RefAsk>();
  readonly replacedAt = new Map<string, number>();
  readonly replacingSince = new Map<string, number>();
  readonly dryRun = new Map<string, string>();
  daemonSet: DaemonSetRecord | undefined;
  isSynced = false;
  window = Number.POSITIVE_INFINITY;

  // --- what is known -----------------------------------------------------------------------------------------------

  get target(): RevisionRecord | undefined {
    return [...this.revisions.values()].sort((a, b) => b.revision - a.revision)[0];
  }

  get wanted(): 'OTA' | 'AdvancedRollingUpdate' | undefined {
    const value = this.daemonSet?.annotations['apps.openyurt.io/update-strategy'];
    if (value !== 'OTA' && value !== 'AdvancedRollingUpdate') return undefined;
    return this.daemonSet?.updateStrategyType === 'OnDelete' ? value : undefined;
  }

  get strategy(): 'OTA' | 'AdvancedRollingUpdate' | undefined {
    return this.target !== undefined && this.daemonSet?.isTerminating === false ? this.wanted : undefined;
  }

  get isBlocked(): boolean {
    const ds = this.daemonSet;
    return !this.isSynced || this.strategy === undefined || (ds?.observedGeneration ?? 0) < (ds?.generation ?? 0);
  }

  get minReadyMs(): number {
    return (this.daemonSet?.minReadySeconds ?? 0) * 1000;
  }

  get allowed(): number {
    return this.wanted === undefined ? 0 : Number(this.daemonSet?.annotations['apps.openyurt.io/max-unavailable']);
  }

  deadlineMs(): number {
    return this.wanted === undefined ? 600_000 : 120_000;
  }

  names(): string[] {
    const all = [...this.nodes.keys(), ...[...this.pods.values()].map(({ record }) => record.nodeName)];
    return [...new Set(all)].sort();
  }

  podsOn(name: string) {
    return [...this.pods.values()].filter(({ record }) => record.nodeName === name);
  }

  isCurrent(pod: PodRecord): boolean {
    return this.target !== undefined && pod.revisionHash === this.target.hash;
  }

  // --- what is so --------------------------------------------------------------------------------------------------

  markDiffers(pod: PodRecord): boolean {
    if (this.target === undefined || pod.isTerminating) return false;
    const status = this.isCurrent(pod) ? 'False' : 'True';
    return !(
      pod.needUpgrade?.status === status && pod.needUpgrade.message === `controllerrevision: ${this.target.hash}`
    );
  }

  status(name: string, nowMs: number): Status {
    const result = { ...NOTHING };
    const node = this.nodes.get(name);
    const pods = this.podsOn(name);
    const live = pods.filter(({ record }) => !record.isTerminating);
    const only = live.length === 1 ? live[0] : undefined;
    const ask = this.asks.get(name);
    const current = only !== undefined && this.isCurrent(only.record);
    const isDone = this.dryRun.get(name) !== undefined && this.dryRun.get(name) === this.target?.hash;
    result.eligible = node !== undefined && node.record.taints.length === 0;
    result.updated = result.eligible && current;
    result.ready = result.eligible && node?.record.isReady === true;
    const finished = only !== undefined && only.record.phase !== 'Running';
    const serves = only !== undefined && !finished && only.record.isReady && only.readySince + this.minReadyMs <= nowMs;
    result.available = result.ready && serves;
    result.unavailable = result.ready && !serves;
    if (this.strategy === 'OTA') {
      const differs = !isDone && pods.some(({ record }) => this.markDiffers(record));
      result.inFlight = ask !== undefined;
      result.settled = ask === undefined && pods.length > 0 && !differs;
      if (ask === undefined && differs) result.candidate = 'mark';
    }
    if (this.strategy !== 'AdvancedRollingUpdate' || !result.eligible) return result;
    const isAskedDelete = ask?.action === 'delete';
    if (!result.ready) {
      const replaced = this.replacedAt.get(name) ?? this.guessReplacedAt(name, only?.record);
      const since = node?.notReadySince ?? 0;
      const isTargets = live.length === 0 || current;
      if (isTargets && replaced !== undefined && since >= replaced && since <= replaced + this.minReadyMs + 300_000) {
        return { ...result, failed: true, unavailable: true, inFlight: true };
      }
      const held = isAskedDelete && ask.phase !== 'asked';
      return { ...result, inFlight: held, reserved: held, skipped: !current };
    }
    const leaving = live.length === 0 || pods.length > live.length;
    result.replacing = leaving || (only !== undefined && !serves && (current || finished));
    result.inFlight = result.replacing || isAskedDelete;
    result.reserved = isAskedDelete && serves;
    const since = this.replacingSince.get(name);
    result.failed = result.replacing && since !== undefined && nowMs - since >= this.deadlineMs();
    result.settled = isDone || (current && serves && !leaving && ask === undefined);
    if (only !== undefined && !current && !finished && !leaving && ask === undefined && !isDone) {
      result.candidate = serves ? 'available' : 'unavailable';
    }
    return result;
  }

  guessReplacedAt(name: string, pod: PodRecord | undefined): number | undefined {
    const node = this.nodes.get(name)?.record;
    if (pod === undefined || node === undefined || this.target === undefined) return undefined;
    const { createdAtMs } = this.target;
    return pod.createdAtMs > createdAtMs && node.createdAtMs < createdAtMs ? pod.createdAtMs : undefined;
  }

  // --- what time and events do ---------------------------------------------------------------------------------------

  /** Brings the remembered times and asks up to date; before and after every event. */
  settle(nowMs: number): void {
    for (const [name, ask] of this.asks) {
      if (ask.phase === 'watching' && ask.dueMs <= nowMs) {
        if (ask.action === 'mark') this.asks.delete(name);
        else ask.phase = 'observe-due';
      }
      const pod = this.pods.get(ask.uid)?.record;
      const isWritten =
        ask.written === undefined
          ? !this.podsOn(name).some(({ record }) => this.markDiffers(record))
          : pod?.needUpgrade !== undefined && `${pod.needUpgrade.status} ${pod.needUpgrade.message}` === ask.written;
      if (pod === undefined || pod.isTerminating || (ask.action === 'mark' && isWritten)) this.asks.delete(name);
    }
    for (const name of this.names()) {
      if (!this.status(name, nowMs).replacing) this.replacingSince.delete(name);
      else if (this.isSynced) {
        if (!this.replacingSince.has(name)) this.replacingSince.set(name, nowMs);
      } else {
        const live = this.podsOn(name).filter(({ record }) => !record.isTerminating);
        const pod = live.length === 1 ? live[0]?.record : undefined;
        const isHint = pod !== undefined && this.isCurrent(pod);
        const hint = isHint ? Math.max(pod.createdAtMs, pod.readyChangedAtMs ?? 0) : nowMs;
        this.replacingSince.set(name, Math.min(hint, nowMs, this.replacingSince.get(name) ?? nowMs));
      }
    }
    for (const name of [...this.replacingSince.keys()])
      if (!this.names().includes(name)) this.replacingSince.delete(name);
    const known = new Set(this.names());
    for (const map of [this.dryRun, this.replacedAt]) {
      for (const name of [...map.keys()]) if (!known.has(name)) map.delete(name);
    }
  }

  upsertNode(record: NodeRecord, nowMs: number): void {
    const before = this.nodes.get(record.name);
    let notReadySince = before?.notReadySince ?? Number.POSITIVE_INFINITY;
    if (record.isReady) notReadySince = Number.POSITIVE_INFINITY;
    else if (before === undefined) notReadySince = this.past(record.readyChangedAtMs, nowMs);
    else if (before.record.isReady) notReadySince = nowMs;
    this.nodes.set(record.name, { record, notReadySince });
  }

  removeNode(name: string): void {
    if (!this.nodes.delete(name)) return;
    this.replacedAt.delete(name);
  }

  upsertPod(record: PodRecord, nowMs: number): void {
    if (record.ownerUid !== DS_UID) {
      this.removePod(record, nowMs);
      return;
    }
    const before = this.pods.get(record.uid);
    let readySince = before?.readySince ?? Number.POSITIVE_INFINITY;
    if (!record.isReady) readySince = Number.POSITIVE_INFINITY;
    else if (before === undefined) readySince = this.past(record.readyChangedAtMs, nowMs);
    else if (!before.record.isReady || before.record.readyChangedAtMs !== record.readyChangedAtMs) readySince = nowMs;
    this.pods.set(record.uid, { record, readySince });
    if (record.isTerminating && before?.record.isTerminating !== true) this.noteDeletion(record, nowMs);
    else if (before !== undefined || !this.isSynced || !this.replacedAt.has(record.nodeName)) return;
    else if (this.nodes.get(record.nodeName)?.record.isReady !== false) {
      this.replacedAt.set(record.nodeName, nowMs);
    }
  }

  removePod(record: PodRecord, nowMs: number): void {
    const before = this.pods.get(record.uid);
    this.pods.delete(record.uid);
    if (before !== undefined && !before.record.isTerminating) this.noteDeletion(before.record, nowMs);
  }

  noteDeletion(pod: PodRecord, nowMs: number): void {
    const node = this.nodes.get(pod.nodeName);
    const isEligible = node !== undefined && node.record.taints.length === 0;
    const others = this.podsOn(pod.nodeName).filter(({ record }) => !record.isTerminating);
    if (!this.isSynced || !isEligible || others.length > 0) return;
    const ask = this.asks.get(pod.nodeName);
    const isOurs = ask?.action === 'delete' && ask.uid === pod.uid && ask.phase !== 'asked';
    this.replacedAt.set(pod.nodeName, isOurs ? Math.min(nowMs, node.notReadySince) : nowMs);
  }

  past(apiMs: number | undefined, nowMs: number): number {
    return this.isSynced ? nowMs : Math.min(nowMs, apiMs ?? nowMs);
  }

  // --- what is decided -----------------------------------------------------------------------------------------------

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
      waiting: all.filter(({ candidate }) => candidate !== undefined).length,
      settled: count('settled'),
      allowed,
      window: Math.min(allowed, this.window),
      targetHash: this.target?.hash,
      strategy: this.strategy,
    };
  }

  /** The best candidate that fits now; `held` tells what keeps the best one back. */
  next(window: number, nowMs: number): { name?: string; held?: 'budget' | 'window' } {
    const { allowed, count } = this.use(nowMs);
    const zoneOf = (name: string) => this.nodes.get(name)?.record.labels['topology.kubernetes.io/zone'] ?? '';
    const inZone = (zone: string) =>
      this.names().filter((name) => zoneOf(name) === zone && this.status(name, nowMs).inFlight).length;
    const rank = { mark: 0, unavailable: 1, available: 2 };
    const candidates = this.names()
      .map((name) => {
        const { candidate } = this.status(name, nowMs);
        const cost = candidate === 'mark' ? 0 : (this.podsOn(name)[0]?.record.deletionCost ?? 0);
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
    if (best.candidate === 'mark') return { name: best.name };
    if (count('inFlight') >= allowed) return { held: 'budget' };
    if (best.candidate === 'available' && count('unavailable') + count('reserved') >= allowed) {
      return { held: 'budget' };
    }
    return count('inFlight') >= window ? { held: 'window' } : { name: best.name };
  }

  ask(name: string): void {
    const pod = this.podsOn(name).find(({ record }) => !record.isTerminating);
    this.asks.set(name, {
      action: this.strategy === 'OTA' ? 'mark' : 'delete',
      uid: pod?.record.uid ?? '',
      phase: 'asked',
      dueMs: Number.POSITIVE_INFINITY,
      reads: 0,
      written: undefined,
      hasSetback: false,
    });
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
      this.ask(name);
      selected.push(name);
    }
    return selected;
  }

  preview(nowMs: number): { next: Set<string>; held: 'budget' | 'window' } {
    const saved = new Map(this.asks);
    const next = new Set<string>();
    let held: 'budget' | 'window' = 'budget';
    while (this.strategy === 'AdvancedRollingUpdate') {
      const answer = this.next(this.window, nowMs);
      held = answer.held ?? held;
      if (answer.name === undefined) break;
      this.ask(answer.name);
      next.add(answer.name);
    }
    this.asks.clear();
    for (const [name, ask] of saved) this.asks.set(name, ask);
    return { next, held };
  }

  taskFor(name: string, nowMs: number): { action: string; uid: string; written?: string } | undefined {
    const ask = this.asks.get(name);
    if (ask === undefined) return undefined;
    if (ask.phase === 'observe-asked') return { action: 'observe', uid: ask.uid };
    if (ask.phase !== 'asked') return undefined;
    const task = this.isBlocked ? undefined : this.#write(name, ask, nowMs);
    if (task === undefined) this.asks.delete(name);
    return task;
  }

  #write(name: string, ask: RefAsk, nowMs: number): { action: string; uid: string; written?: string } | undefined {
    const pods = this.podsOn(name);
    if (ask.action === 'mark') {
      const first = pods
        .map(({ record }) => record)
        .filter((record) => this.strategy === 'OTA' && this.markDiffers(record))
        .sort((a, b) => (a.uid < b.uid ? -1 : 1))[0];
      if (first === undefined) return undefined;
      ask.uid = first.uid;
      ask.written = `${this.isCurrent(first) ? 'False' : 'True'} controllerrevision: ${this.target?.hash}`;
      return { action: 'mark', uid: first.uid, written: ask.written };
    }
    const [pod, ...others] = pods;
    const { ready, available } = this.status(name, nowMs);
    if (this.strategy !== 'AdvancedRollingUpdate' || !ready || pod === undefined || others.length > 0) return undefined;
    if (pod.record.isTerminating || pod.record.phase !== 'Running' || this.isCurrent(pod.record)) return undefined;
    const { allowed, count } = this.use(nowMs);
    if (count('inFlight') > allowed) return undefined;
    if (available && count('unavailable') + count('reserved') > allowed) return undefined;
    return { action: 'delete', uid: ask.uid };
  }

  onSent(name: string): void {
    const ask = this.asks.get(name);
    if (ask?.phase === 'asked') ask.phase = 'sent';
    if (ask?.phase === 'observe-asked') ask.phase = 'observe-sent';
  }

  onOutcome(name: string, { action, uid, code, isTerminating }: Outcome, nowMs: number): 'watch' | 'retry' | 'drop' {
    const ask = this.asks.get(name);
    const isWaiting = action === 'observe' ? ask?.phase === 'observe-sent' : ask?.phase === 'sent';
    if (ask === undefined || ask.uid !== uid || !isWaiting) return 'watch';
    const isRead = action === 'observe';
    if (isRead) ask.reads += 1;
    if (['throttled', 'conflict', 'forbidden', 'rejected'].includes(code)) {
      ask.phase = isRead ? 'observe-asked' : 'asked';
      ask.hasSetback = true;
      return 'retry';
    }
    if (isRead && code === 'done' && !isTerminating) {
      this.asks.delete(name);
      this.ask(name);
      this.asks.set(name, { ...(this.asks.get(name) as RefAsk), action: 'delete', uid });
      return 'retry';
    }
    if (!isRead && (code === 'fenced' || code === 'dry-run')) {
      this.asks.delete(name);
      if (code === 'dry-run' && this.target !== undefined) this.dryRun.set(name, this.target.hash);
      if (code === 'dry-run' && this.target === undefined) this.dryRun.delete(name);
      return 'drop';
    }
    ask.phase = 'watching';
    ask.hasSetback = false;
    const isDeletionLost = !isRead && code === 'unknown' && ask.action !== 'mark';
    ask.dueMs = nowMs + (isDeletionLost ? 5_000 : 30_000 * 2 ** Math.min(ask.reads, 4));
    return 'watch';
  }

  release(name: string, nowMs: number): void {
    const ask = this.asks.get(name);
    if (ask?.phase === 'asked') this.asks.delete(name);
    if (ask?.phase !== 'observe-asked') return;
    ask.phase = 'watching';
    ask.hasSetback = false;
    ask.dueMs = nowMs + 30_000 * 2 ** Math.min(ask.reads, 4);
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
      if (status.candidate === undefined) return 'marked';
      return this.isBlocked ? 'blocked' : 'mark-next';
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
    if (next.has(name)) return 'update-next';
    return held === 'window' ? 'waiting-window' : 'waiting-budget';
  }

  static describe(task: Task | undefined): { action: string; uid: string; written?: string } | undefined {
    if (task === undefined) return undefined;
    if (task.action !== 'mark') return { action: task.action, uid: task.uid };
    const written = `${task.needsUpgrade ? 'True' : 'False'} controllerrevision: ${task.hash}`;
    return { action: 'mark', uid: task.uid, written };
  }

  static key(name: string) {
    return slotOf(name);
  }
}
