import type { NodeRecord, PodRecord } from '../../src/kube/records.ts';
import { ReferenceDecisions } from './reference-decisions.ts';

const FOREVER = Number.POSITIVE_INFINITY;

/** What the reference remembers of the past: who keeps a place, who was replaced when, whose surroundings went away too. */
export class ReferenceHistory extends ReferenceDecisions {
  noteReplaced(name: string, atMs: number, hash = this.target?.hash): void {
    this.replacedAt.set(name, atMs);
    this.replacedHash.set(name, hash);
    this.replacements.push({ name, atMs, zone: this.zoneOf(name) });
  }

  noteDeparture(name: string, atMs: number): void {
    this.departures.push({ name, atMs, zone: this.zoneOf(name) });
  }

  /** Of a zone without nodes nothing is remembered. */
  forgetZones(): void {
    const zones = new Set(this.names().map((name) => this.zoneOf(name)));
    for (const list of [this.departures, this.replacements]) {
      list.splice(0, list.length, ...list.filter(({ zone }) => zones.has(zone)));
    }
  }

  zoneOf(name: string): string {
    return this.nodes.get(name)?.record.labels['topology.kubernetes.io/zone'] ?? '';
  }

  forgetNode(name: string): void {
    this.replacedAt.delete(name);
    this.deletions.delete(name);
    this.places.delete(name);
    this.awaiting.delete(name);
    this.ours.delete(name);
    this.brokenSince.delete(name);
    this.brokenMs.delete(name);
    this.wasBroken.delete(name);
    this.outages.delete(name);
    // Another node of that name has not gone anywhere.
    const others = this.departures.filter((departure) => departure.name !== name);
    this.departures.splice(0, this.departures.length, ...others);
  }

  /** Who is eligible, by what was so until now. */
  settlePlaces(nowMs: number): void {
    for (const name of [...this.places]) if (!this.nodes.has(name)) this.places.delete(name);
    for (const name of this.nodes.keys()) {
      const taint = this.taintOf(name);
      const [only, second] = this.liveOn(name);
      const sole = second === undefined ? only : undefined;
      const ask = this.asks.get(name);
      const isServed =
        sole !== undefined &&
        sole.record.phase === 'Running' &&
        sole.record.unreadable === undefined &&
        sole.record.isReady &&
        sole.readySince + this.minReadyMs <= nowMs;
      const isUnread = this.nodes.get(name)?.record.uid === '';
      const isKept =
        this.podsOn(name).some(({ record }) => this.isCurrent(record)) ||
        (ask?.action === 'delete' && ask.phase !== 'asked') ||
        (this.places.has(name) && !isServed);
      const isIn = isUnread || taint === undefined || taint === 'away' || (taint === 'taint' && isKept);
      if (isIn) this.places.add(name);
      else this.places.delete(name);
    }
  }

  /** Whether the node's surroundings went away with it. */
  settleOutages(nowMs: number): void {
    for (const [name, answer] of this.outages) {
      if (this.nodes.get(name)?.record.isReady !== false) this.outages.delete(name);
      if (answer.dueMs > nowMs) continue;
      const sinceMs = this.nodes.get(name)?.notReadySince ?? FOREVER;
      answer.isOutage = this.#isOutage(name);
      answer.dueMs = [15_000, 30_000, 60_000, 125_000].map((ms) => sinceMs + ms).find((ms) => ms > nowMs) ?? FOREVER;
    }
  }

  #isOutage(name: string): boolean {
    const zone = this.zoneOf(name);
    const sinceMs = this.nodes.get(name)?.notReadySince ?? FOREVER;
    const gone = new Set<string>();
    for (const departure of this.departures) {
      const node = this.nodes.get(departure.name);
      const isTogether = Math.abs(departure.atMs - sinceMs) <= 120_000;
      const isThere = departure.zone === zone && this.zoneOf(departure.name) === zone;
      if (isTogether && node?.notReadySince === departure.atMs && isThere) gone.add(departure.name);
    }
    const goneRecent = [...gone].filter((each) => this.isSuspect(each));
    const goneOthers = gone.size - goneRecent.length;
    if (goneOthers === 0) return false;
    const ready = [...this.nodes.keys()].filter((each) => this.zoneOf(each) === zone && this.isCounted(each));
    const isRecent = (each: string) =>
      this.replacements.some(
        (one) =>
          one.name === each &&
          one.zone === zone &&
          one.atMs === this.replacedAt.get(each) &&
          one.atMs >= sinceMs - this.minReadyMs - 300_000,
      );
    const readyRecent = ready.filter((each) => isRecent(each) && this.nodes.get(each)?.notReadySince === FOREVER);
    const shareOthers = goneOthers / (goneOthers + ready.length - readyRecent.length);
    return shareOthers >= (0.5 * goneRecent.length) / Math.max(1, goneRecent.length + readyRecent.length);
  }

  isCounted(name: string): boolean {
    const record = this.nodes.get(name)?.record;
    if (record === undefined || !this.places.has(name)) return false;
    if (record.uid === '') return this.podsOn(name).length > 0;
    return record.isReady || record.unreadable !== undefined;
  }

  /** After everything else: who is waited for, who has served, who is broken by itself. */
  settleHealth(nowMs: number): void {
    for (const name of this.nodes.keys()) {
      const status = this.status(name, nowMs);
      if (status.settled && status.available && !status.replacing) {
        if (this.awaiting.delete(name) && this.replacedAt.has(name) && this.isSynced) this.noteReplaced(name, nowMs);
      }
      if (status.available) {
        this.served.add(name);
        this.wasBroken.delete(name);
        this.ours.delete(name);
      }
      const isUnread = this.podsOn(name).some(({ record }) => record.unreadable !== undefined);
      const sinceMs = this.brokenSince.get(name);
      const isOver = status.available || isUnread || this.ours.has(name);
      if (isOver) this.brokenMs.delete(name);
      else if (!status.ready && sinceMs !== undefined) {
        this.brokenMs.set(name, (this.brokenMs.get(name) ?? 0) + nowMs - sinceMs);
      }
      if (isOver || !status.ready) this.brokenSince.delete(name);
      else if (this.isSynced) this.brokenSince.set(name, Math.min(nowMs, this.brokenSince.get(name) ?? FOREVER));
    }
  }

  /** By the cluster's times: for longer than a deadline before the newest revision came. */
  noteBrokenBefore(name: string): void {
    const record = this.nodes.get(name)?.record;
    const [only, second] = this.liveOn(name);
    if (record?.isReady !== true || only === undefined || second !== undefined) return;
    if (only.record.isReady || only.record.unreadable !== undefined || this.ours.has(name)) return;
    const newestMs = Math.max(0, ...[...this.revisions.values()].map(({ createdAtMs }) => createdAtMs));
    const { createdAtMs, readyChangedAtMs = 0 } = only.record;
    const sinceMs = Math.max(createdAtMs, readyChangedAtMs, record.readyChangedAtMs ?? 0);
    if (sinceMs + this.deadlineMs() < newestMs) this.wasBroken.add(name);
  }

  noteBroken(name: string, nowMs: number): void {
    const forMs = (this.brokenMs.get(name) ?? 0) + nowMs - (this.brokenSince.get(name) ?? nowMs);
    if (forMs > this.deadlineMs()) this.wasBroken.add(name);
  }

  /** All has been read: what happened before. The reference has no earlier leader's notes. */
  recall(nowMs: number): void {
    const newestMs = Math.max(0, ...[...this.revisions.values()].map(({ createdAtMs }) => createdAtMs));
    const isUnderWay = this.strategy !== undefined && this.names().some((name) => this.isOutdated(name, nowMs));
    for (const name of this.nodes.keys()) {
      const node = this.nodes.get(name);
      if (node === undefined || node.record.unreadable !== undefined) continue;
      const { record } = node;
      const [only, second] = this.liveOn(name);
      const pod = second === undefined ? only : undefined;
      const isServed =
        record.isReady &&
        pod?.record.isReady === true &&
        pod.record.phase === 'Running' &&
        pod.record.unreadable === undefined &&
        pod.readySince + this.minReadyMs <= nowMs;
      // No available pod: the taint may have come after that; unless it is the taint that sends the pods away.
      const mayStay = record.taints.every(({ effect }) => effect === 'NoSchedule');
      const isThere = (mayStay ? this.podsOn(name) : this.liveOn(name)).length > 0;
      const isReady = this.liveOn(name).some((each) => {
        const { isReady, phase, unreadable } = each.record;
        return isReady && phase === 'Running' && unreadable === undefined;
      });
      if (!isReady && isThere && this.taintOf(name) === 'taint') this.places.add(name);
      const hasRolledOut = (this.target?.revision ?? 0) > 1;
      const isFirst = !isServed && pod !== undefined && record.createdAtMs > newestMs && isFirstOf(record, pod.record);
      if (isFirst) {
        this.served.delete(name);
        this.joinedAt.set(name, Math.min(nowMs, record.createdAtMs));
      }
      if (!this.replacedAt.has(name) && hasRolledOut) this.#recallReplacement(name, pod?.record, { newestMs, nowMs });
      if (!record.isReady && this.replacedAt.has(name)) this.outages.set(name, { isOutage: false, dueMs: nowMs });
      if (!isServed && this.awaiting.has(name)) this.ours.add(name);
      if (isServed || isFirst || !record.isReady) continue;
      if (pod === undefined) {
        for (const names of [this.awaiting, this.ours]) {
          if (hasRolledOut) names.add(name);
          else names.delete(name);
        }
        continue;
      }
      const { createdAtMs } = pod.record;
      if (this.isCurrent(pod.record) && createdAtMs >= newestMs) {
        if (isUnderWay) this.awaiting.add(name);
        else this.awaiting.delete(name);
      }
      if (this.awaiting.has(name)) this.ours.add(name);
      else this.ours.delete(name);
      this.noteBrokenBefore(name);
    }
    for (const [name, { record }] of this.nodes) {
      const isHeld = record.unreadable === undefined && this.wasBroken.has(name);
      if (!isHeld || !this.replacingSince.has(name)) continue;
      this.replacingSince.set(name, nowMs);
      this.goneAt.delete(name);
      this.unseenMs.delete(name);
    }
    for (const [name, { notReadySince }] of this.nodes) {
      if (this.places.has(name) && notReadySince !== FOREVER) this.noteDeparture(name, notReadySince);
    }
  }

  #recallReplacement(name: string, pod: PodRecord | undefined, at: { newestMs: number; nowMs: number }): void {
    const node = this.nodes.get(name);
    if (node === undefined) return;
    const { record } = node;
    const leaving = this.podsOn(name).filter((each) => each.record.isTerminating);
    if (pod === undefined && this.podsOn(name).length === 0) {
      const isOld = !record.isReady && record.createdAtMs < at.newestMs && this.places.has(name);
      if (isOld && node.notReadySince >= at.newestMs) this.noteReplaced(name, node.notReadySince);
      return;
    }
    const deletedAtMs = leaving.map((each) => (each.record.deletionAtMs ?? 0) - (each.record.deletionGraceMs ?? 0));
    const atMs = pod === undefined ? Math.max(0, ...deletedAtMs) : pod.createdAtMs;
    const hash = pod?.revisionHash ?? this.target?.hash;
    const isOther = pod !== undefined && !this.isCurrent(pod);
    const own = [...this.revisions.values()].find((one) => one.hash === hash);
    const bornMs = isOther ? (own?.createdAtMs ?? FOREVER) : at.newestMs;
    const isFirst = pod !== undefined && atMs - record.createdAtMs < 60_000 && record.createdAtMs >= bornMs;
    if (isFirst || (atMs !== 0 && atMs < bornMs)) return;
    if (record.isReady) {
      if (at.nowMs - atMs <= this.minReadyMs + 300_000) this.noteReplaced(name, Math.min(at.nowMs, atMs), hash);
      return;
    }
    if (pod !== undefined && !pod.isReady && (pod.readyChangedAtMs ?? 0) >= pod.createdAtMs) {
      node.notReadySince = Math.min(node.notReadySince, pod.readyChangedAtMs ?? FOREVER);
    }
    if (atMs === 0 || record.readyChangedAtMs === undefined) this.noteReplaced(name, node.notReadySince, hash);
    else if (atMs <= node.notReadySince + 60_000) this.noteReplaced(name, Math.min(atMs, node.notReadySince), hash);
  }

  /** An old pod stays there. */
  isOutdated(name: string, nowMs: number): boolean {
    const status = this.status(name, nowMs);
    if (this.strategy === 'OTA') return this.asks.has(name) || status.candidate === 'mark' || status.held === 'backoff';
    if (!status.eligible || !status.ready || status.settled) return false;
    return this.podsOn(name).some(
      ({ record }) =>
        !record.isTerminating &&
        record.phase === 'Running' &&
        record.unreadable === undefined &&
        !this.isCurrent(record),
    );
  }
}

/** The pod was made soon after its node, and has not been Ready. */
function isFirstOf(node: NodeRecord, pod: PodRecord): boolean {
  if (pod.isReady || pod.unreadable !== undefined || pod.createdAtMs - node.createdAtMs >= 60_000) return false;
  return pod.readyChangedAtMs === undefined || pod.readyChangedAtMs - pod.createdAtMs < 10_000;
}
