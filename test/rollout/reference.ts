import type { NodeRecord, PodRecord } from '../../src/kube/records.ts';
import type { Outcome } from '../../src/protocol/outcome.ts';
import type { Task } from '../../src/protocol/task.ts';
import { DS_UID } from './records.ts';
import type { RefAsk } from './reference-facts.ts';
import { ReferenceHistory } from './reference-history.ts';

/**
 * The rules of the rollout written down a second time, as plainly as possible: everything is computed again from lists
 * whenever somebody asks. Slow on purpose. It shares no code with what it checks but the record types, and knows only the
 * policies that the property test uses (a count as max-unavailable, no selectors, one kind of taint).
 *
 * Five layers: the facts, what follows for each node, the decisions made from them, what is remembered of the past, and, here, what events, time, tasks and their answers change.
 */
export class Reference extends ReferenceHistory {
  #wasCounted = false;

  // --- what time and events do ---------------------------------------------------------------------------------------

  /** Brings the remembered times and asks up to date; before and after every event. */
  settle(nowMs: number): void {
    for (const [name, ask] of this.asks) {
      if (ask.phase === 'watching' && ask.dueMs <= nowMs) {
        if (ask.action === 'delete') ask.phase = 'observe-due';
        else this.asks.delete(name);
      }
      const pod = this.pods.get(ask.uid)?.record;
      const isWritten =
        ask.written === undefined
          ? !this.podsOn(name).some(({ record }) => this.markDiffers(record))
          : pod?.needUpgrade !== undefined && `${pod.needUpgrade.status} ${pod.needUpgrade.message}` === ask.written;
      const isAway = pod === undefined || pod.isTerminating !== (ask.action === 'force-delete');
      if (isAway || (ask.action === 'mark' && isWritten)) this.asks.delete(name);
      if (this.isPaused && ask.phase === 'asked') this.asks.delete(name);
    }
    this.forgetZones();
    this.settlePlaces(nowMs);
    this.settleOutages(nowMs);
    for (const name of this.names()) {
      if (!this.status(name, nowMs).replacing) {
        this.replacingSince.delete(name);
        this.goneAt.delete(name);
      } else if (this.isSynced) {
        if (!this.replacingSince.has(name)) this.replacingSince.set(name, nowMs);
      } else {
        const live = this.liveOn(name);
        const pod = live.length === 1 ? live[0]?.record : undefined;
        const isHint = pod !== undefined && this.isCurrent(pod);
        const hint = isHint ? Math.max(pod.createdAtMs, pod.readyChangedAtMs ?? 0) : nowMs;
        this.replacingSince.set(name, Math.min(hint, nowMs, this.replacingSince.get(name) ?? nowMs));
      }
    }
    for (const name of [...this.replacingSince.keys()])
      if (!this.names().includes(name)) this.replacingSince.delete(name);
    for (const name of [...this.goneAt.keys()]) if (!this.replacingSince.has(name)) this.goneAt.delete(name);
    for (const name of [...this.unseenMs.keys()]) if (!this.replacingSince.has(name)) this.unseenMs.delete(name);
    for (const [name, { uid, action }] of this.refusals) {
      const isGone = this.pods.get(uid)?.record.isTerminating !== (action === 'force-delete');
      if (isGone || this.status(name, nowMs).settled) this.refusals.delete(name);
    }
    this.settleHealth(nowMs);
    const known = new Set(this.names());
    for (const map of [this.replacedAt, this.deletions]) {
      for (const name of [...map.keys()]) if (!known.has(name)) map.delete(name);
    }
  }

  upsertNode(record: NodeRecord, nowMs: number): void {
    const before = this.nodes.get(record.name);
    this.#wasCounted = this.isCounted(record.name);
    let notReadySince = before?.notReadySince ?? Number.POSITIVE_INFINITY;
    if (record.isReady) notReadySince = Number.POSITIVE_INFINITY;
    else if (before === undefined) notReadySince = this.past(record.readyChangedAtMs, nowMs);
    else if (before.record.isReady) notReadySince = nowMs;
    this.nodes.set(record.name, { record, notReadySince });
    if (before?.record.uid === '' && record.uid !== '') this.places.delete(record.name);
    if (before === undefined) {
      this.joinedAt.set(record.name, nowMs);
      if (this.isSynced) this.served.delete(record.name);
      else this.served.add(record.name);
    }
    this.settlePlaces(nowMs);
    const wasCounted = before !== undefined && this.#wasCounted;
    const isAway = !record.isReady && record.unreadable === undefined && this.places.has(record.name);
    if (!isAway || !wasCounted || !this.isSynced) return;
    this.noteDeparture(record.name, notReadySince);
    if (this.isSuspect(record.name)) this.outages.set(record.name, { isOutage: false, dueMs: nowMs });
  }

  removeNode(name: string): void {
    if (!this.nodes.delete(name)) return;
    this.forgetNode(name);
  }

  upsertPod(record: PodRecord, nowMs: number): void {
    if (record.ownerUid !== DS_UID) {
      this.removePod(record, nowMs);
      return;
    }
    if (record.unreadable !== undefined) {
      this.served.add(record.nodeName);
      this.wasBroken.delete(record.nodeName);
    }
    const before = this.pods.get(record.uid);
    let readySince = before?.readySince ?? Number.POSITIVE_INFINITY;
    if (!record.isReady) readySince = Number.POSITIVE_INFINITY;
    else if (before === undefined) readySince = this.past(record.readyChangedAtMs, nowMs);
    else if (!before.record.isReady || before.record.readyChangedAtMs !== record.readyChangedAtMs) readySince = nowMs;
    this.pods.set(record.uid, { record, readySince });
    if (record.isTerminating && !this.leaving.has(record.uid)) {
      const sinceMs = before === undefined ? this.past(record.deletionAtMs, nowMs) : nowMs;
      this.leaving.set(record.uid, { sinceMs, forcedAtMs: [] });
    }
    if (record.isTerminating && before?.record.isTerminating !== true) this.noteDeletion(record, nowMs);
    else if (before !== undefined || !this.isSynced || !this.replacedAt.has(record.nodeName)) return;
    else if (
      (this.nodes.get(record.nodeName)?.notReadySince ?? Number.POSITIVE_INFINITY) === Number.POSITIVE_INFINITY
    ) {
      this.noteReplaced(record.nodeName, nowMs, record.revisionHash);
    }
  }

  removePod(record: PodRecord, nowMs: number): void {
    const before = this.pods.get(record.uid);
    this.pods.delete(record.uid);
    this.leaving.delete(record.uid);
    const name = record.nodeName;
    const isLast = !this.podsOn(name).some((each) => each.record.isTerminating);
    if (before?.record.isTerminating === true && isLast && !this.goneAt.has(name)) {
      this.goneAt.set(name, nowMs);
      this.unseenMs.delete(name);
    }
    if (before !== undefined && !before.record.isTerminating) this.noteDeletion(before.record, nowMs);
  }

  noteDeletion(pod: PodRecord, nowMs: number): void {
    const node = this.nodes.get(pod.nodeName);
    const isEligible = node !== undefined && this.places.has(pod.nodeName);
    const others = this.liveOn(pod.nodeName);
    const ask = this.asks.get(pod.nodeName);
    const isOurs = ask?.action === 'delete' && ask.uid === pod.uid && ask.phase !== 'asked';
    if (isOurs && ask.hash !== undefined) {
      this.deletions.set(pod.nodeName, [...(this.deletions.get(pod.nodeName) ?? []), { hash: ask.hash, atMs: nowMs }]);
    }
    if (!isEligible || (others.length > 0 && !isOurs)) return;
    this.awaiting.add(pod.nodeName);
    if (!this.isSynced) return;
    this.noteBroken(pod.nodeName, nowMs);
    if (isOurs) {
      this.ours.add(pod.nodeName);
      this.noteReplaced(pod.nodeName, Math.min(nowMs, node.notReadySince));
      if (node.notReadySince !== Number.POSITIVE_INFINITY) {
        this.outages.set(pod.nodeName, { isOutage: false, dueMs: nowMs });
      }
    } else if (node.notReadySince === Number.POSITIVE_INFINITY) this.noteReplaced(pod.nodeName, nowMs);
  }

  setSynced(isSynced: boolean, nowMs: number): void {
    const wasSynced = this.isSynced;
    this.isSynced = isSynced;
    if (isSynced && !wasSynced) this.recall(nowMs);
  }

  /** The newest revision may be another one now. */
  retarget(hashBefore: string | undefined, nowMs: number): void {
    if (this.target?.hash === hashBefore || !this.isSynced) return;
    for (const name of this.nodes.keys()) {
      this.noteBroken(name, nowMs);
      this.noteBrokenBefore(name);
      if (!this.wasBroken.has(name) || !this.replacingSince.has(name)) continue;
      this.replacingSince.set(name, nowMs);
      this.goneAt.delete(name);
      this.unseenMs.delete(name);
    }
  }

  past(apiMs: number | undefined, nowMs: number): number {
    return this.isSynced ? nowMs : Math.min(nowMs, apiMs ?? nowMs);
  }

  // --- what is sent, and what comes of it ----------------------------------------------------------------------------

  taskFor(name: string, nowMs: number): { action: string; uid: string; written?: string } | undefined {
    const ask = this.asks.get(name);
    if (ask === undefined) return undefined;
    if (ask.phase === 'observe-asked') return { action: 'observe', uid: ask.uid };
    if (ask.phase !== 'asked') return undefined;
    const task = this.isBlocked ? undefined : this.#write(name, ask, nowMs);
    // One that was tried and put off (throttled) goes on: it is one of the few that were let through.
    const isUntried = ask.action !== 'delete' && !ask.hasSetback;
    const isTooMany = isUntried && this.refusedInARow[ask.action] >= 10 && this.lastAsk[ask.action].name !== name;
    if (task === undefined || isTooMany) this.asks.delete(name);
    return isTooMany ? undefined : task;
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
    if (!this.isToDo(name, ask)) return undefined;
    if (ask.action === 'force-delete') return { action: 'force-delete', uid: ask.uid };
    if (nowMs < this.repeatUntil(name)) return undefined;
    const { allowed, count } = this.use(nowMs);
    if (count('occupied') > allowed) return undefined;
    if (this.status(name, nowMs).available && count('unavailable') + count('reserved') > allowed) return undefined;
    return { action: 'delete', uid: ask.uid };
  }

  onSent(name: string): void {
    const ask = this.asks.get(name);
    if (ask?.phase === 'asked') {
      ask.phase = 'sent';
      ask.hash = this.target?.hash;
    } else if (ask?.phase === 'observe-asked') ask.phase = 'observe-sent';
  }

  onOutcome(name: string, { action, uid, code, isTerminating }: Outcome, nowMs: number): 'watch' | 'retry' | 'drop' {
    const isRefused = code === 'forbidden' || code === 'rejected';
    if (action !== 'observe' && this.names().includes(name)) {
      if (isRefused) this.refusedInARow[action] += 1;
      if (code === 'done' || code === 'gone') this.refusedInARow[action] = 0;
    }
    const ask = this.asks.get(name);
    const isWaiting =
      action === 'observe' ? ask?.phase === 'observe-sent' : ask?.phase === 'sent' && ask.action === action;
    if (ask === undefined || ask.uid !== uid || !isWaiting) return 'watch';
    const isRead = action === 'observe';
    if (isRead) ask.reads += 1;
    if (isRefused && action !== 'observe') {
      const before = this.refusals.get(name);
      const count = before?.uid === uid && before.action === action ? before.count + 1 : 1;
      this.refusals.set(name, { action, uid, count, untilMs: nowMs + Math.min(60_000, 1000 * 2 ** (count - 1)) });
      this.asks.delete(name);
      return 'drop';
    }
    if (['throttled', 'conflict', 'forbidden', 'rejected'].includes(code)) {
      ask.phase = isRead ? 'observe-asked' : 'asked';
      ask.hasSetback = true;
      return 'retry';
    }
    if (isRead && code === 'done' && !isTerminating) {
      this.asks.delete(name);
      const lastAsk = { ...this.lastAsk };
      this.ask(name, nowMs);
      Object.assign(this.lastAsk, lastAsk);
      this.asks.set(name, { ...(this.asks.get(name) as RefAsk), action: 'delete', uid });
      return 'retry';
    }
    if (!isRead && (code === 'fenced' || code === 'dry-run')) {
      this.asks.delete(name);
      return 'drop';
    }
    if (action === 'force-delete') this.leaving.get(uid)?.forcedAtMs.push(nowMs);
    if (code !== 'unknown' && this.refusals.get(name)?.action === action) this.refusals.delete(name);
    ask.phase = 'watching';
    ask.hasSetback = false;
    const isLost = code === 'unknown' && ask.action !== 'mark';
    ask.dueMs = nowMs + (isLost ? 5_000 : 30_000 * 2 ** Math.min(ask.reads, 4));
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

  static describe(task: Task | undefined): { action: string; uid: string; written?: string } | undefined {
    if (task === undefined) return undefined;
    if (task.action !== 'mark') return { action: task.action, uid: task.uid };
    const written = `${task.needsUpgrade ? 'True' : 'False'} controllerrevision: ${task.hash}`;
    return { action: 'mark', uid: task.uid, written };
  }
}
