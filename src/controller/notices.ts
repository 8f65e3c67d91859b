import type { PolicyResult } from '../kube/annotations.ts';
import type { DaemonSetRecord } from '../kube/records.ts';
import type { Outcome } from '../protocol/outcome.ts';
import { type DaemonSetKey, daemonSetKey } from '../protocol/slot.ts';
import type { RolloutNotice } from '../rollout/notices.ts';
import { DeedNotices } from './deed-notices.ts';
import { FailureDigest } from './failure-digest.ts';
import type { Followed } from './followed.ts';
import { PaceNotices } from './pace-notices.ts';
import { PauseNotices } from './pause-notices.ts';
import type { ControllerPorts, DaemonSetEvent } from './ports.ts';
import { completedStatement, RolloutProgress } from './rollout-progress.ts';
import { StaleNotices } from './stale-notices.ts';
import { BAD_SELECTOR, complaintsOf, REASONS, type Statement } from './statements.ts';
import type { ViewLosses } from './view-losses.ts';
import { WriteNotices } from './write-notices.ts';

/** The refusals and problems that were told about a DaemonSet and still hold. */
interface Complaints {
  readonly about: About;
  readonly statements: readonly Statement[];
}

interface About {
  readonly key: DaemonSetKey;
  readonly uid: string;
}

/** A dry run brings none of these about; what others do is not its to claim. */
const { started, progress, completed, superseded, resumed } = REASONS;
const CLAIMS: ReadonlySet<string> = new Set([started, progress, completed, superseded, resumed]);

/** Turns what happened into Kubernetes Events and log lines: each thing is said once, when it changes. */
export class NoticeBoard {
  /** What this process did to pods. */
  readonly deeds: DeedNotices;
  readonly #ports: ControllerPorts;
  readonly #isDryRun: boolean;
  readonly #complaints = new Map<DaemonSetKey, Complaints>();
  readonly #progress = new Map<DaemonSetKey, { readonly followed: Followed; readonly progress: RolloutProgress }>();
  readonly #failures = new Map<DaemonSetKey, FailureDigest>();
  readonly #writes: WriteNotices;
  readonly #stale = new StaleNotices();
  readonly #paces = new PaceNotices();
  readonly #pauses = new PauseNotices();
  #isLeading = false;

  constructor(ports: ControllerPorts, isDryRun: boolean) {
    this.#ports = ports;
    this.#isDryRun = isDryRun;
    this.deeds = new DeedNotices({
      log: (level, message, fields) => ports.log(level, message, fields),
      record: (about, statement) => this.#record(about, statement),
    });
    this.#writes = new WriteNotices({
      log: (level, message, fields) => ports.log(level, message, fields),
      record: (about, statement) => {
        if (this.#isLeading) this.#record(about, statement);
      },
    });
  }

  /**
   * A standby follows what happens without saying it, because the leader does. Whoever takes over says again what still
   * holds: nobody may have said it yet.
   */
  setLeading(isLeading: boolean): void {
    const wasLeading = this.#isLeading;
    this.#isLeading = isLeading;
    if (wasLeading || !isLeading) return;
    for (const { about, statements } of this.#complaints.values()) {
      for (const statement of statements) this.#say(about, statement);
    }
    for (const { followed, progress } of this.#progress.values()) {
      if (!followed.rollout.counts().isPaused) this.#say(followed, progress.start);
    }
    for (const digest of this.#failures.values()) digest.repeat();
  }

  /** What is wrong with a DaemonSet that opted in; said again only when it changes. */
  policyRead(daemonSet: DaemonSetRecord, result: PolicyResult, isSelectorUsable: boolean): void {
    const about = aboutOf(daemonSet);
    const statements = complaintsOf(result, daemonSet.annotations);
    if (result.kind === 'policy' && !isSelectorUsable) statements.push(BAD_SELECTOR);
    const before = this.#complaints.get(about.key);
    const known = before?.about.uid === about.uid ? before.statements : [];
    if (statements.length === 0) this.#complaints.delete(about.key);
    else this.#complaints.set(about.key, { about, statements });
    for (const statement of statements) {
      if (!known.some(({ message }) => message === statement.message)) this.#say(about, statement);
    }
  }

  /** What is wrong now, whether it was said or not. */
  complaints(): ReadonlyMap<DaemonSetKey, readonly string[]> {
    const entries = [...this.#complaints].map(([key, { statements }]) => {
      return [key, statements.map(({ message }) => message)] as const;
    });
    return new Map(entries);
  }

  deleted(daemonSet: DaemonSetRecord, nowMs: number): void {
    const { key } = aboutOf(daemonSet);
    this.#complaints.delete(key);
    // Nobody can look at its events any more.
    this.deeds.forget(key);
    this.unfollowed(key, nowMs);
  }

  /** Its rollout is over: what was still to be said about it would be due for ever, because nobody posts it any more. */
  unfollowed(key: DaemonSetKey, nowMs: number): void {
    this.#progress.delete(key);
    this.#failures.delete(key);
    this.#writes.forget(key, nowMs);
    this.deeds.flush(key, nowMs);
    this.deeds.forget(key);
    this.#stale.forget(key);
    this.#paces.forget(key);
    this.#pauses.forget(key);
  }

  /** DaemonSets with a complaint, and with a rollout that was announced; failed nodes of all of them. */
  sizes(): { readonly complaints: number; readonly announced: number; readonly failures: number } {
    let failures = 0;
    for (const { nodeCount } of this.#failures.values()) failures += nodeCount;
    return { complaints: this.#complaints.size, announced: this.#progress.size, failures };
  }

  outcome(followed: Followed, outcome: Outcome, nowMs: number): void {
    this.#writes.outcome(followed, outcome, nowMs);
  }

  /** A standby says this too: it is about its own process. */
  viewChanged({ begun, ended }: ReturnType<ViewLosses['replace']>): void {
    for (const { stream, reason } of begun) {
      this.#ports.log('warn', 'nothing new is decided: the view is stale', { stream, detail: reason });
    }
    for (const { stream } of ended) this.#ports.log('info', 'the view is current again', { stream });
  }

  /** When something is to be said though nothing has happened. */
  nextWakeMs(): number | undefined {
    if (!this.#isLeading) return undefined;
    const parts = [this.#stale, this.deeds, ...this.#failures.values()];
    const times = parts.flatMap(({ nextWakeMs }) => nextWakeMs ?? []);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Says what the rollout has noticed since the last call. */
  post(followed: Followed, nowMs: number): void {
    this.#postPause(followed);
    for (const notice of followed.rollout.takeNotices()) this.#postOne(followed, notice, nowMs);
    this.#postFailures(followed, nowMs);
    this.#postProgress(followed);
    this.#writes.post(followed, nowMs);
    this.deeds.post(followed, this.#isLeading, nowMs);
    this.#postStale(followed, nowMs);
    this.#postPace(followed, nowMs);
  }

  #postOne(followed: Followed, notice: RolloutNotice, nowMs: number): void {
    switch (notice.type) {
      case 'started':
        this.#started(followed, notice);
        return;
      case 'completed':
        this.#progress.delete(followed.key);
        this.deeds.flush(followed.key, nowMs);
        this.#say(followed, completedStatement(notice, followed.rollout.counts().strategy));
        return;
      case 'superseded':
        this.#superseded(followed, notice);
        return;
      case 'node-failed': {
        const { node, cause, why } = notice;
        this.#digestOf(followed.key).add(notice, nowMs);
        // A line for each node; the event is one for many.
        const fields = { daemonSet: followed.key, node, cause, detail: why };
        this.#ports.log(this.#isLeading ? 'warn' : 'debug', REASONS.nodeFailed, fields);
        return;
      }
      case 'node-recovered': {
        this.#failures.get(followed.key)?.remove(notice.node);
        const message = `node ${notice.node} is updated after all`;
        this.#say(followed, { level: 'info', reason: REASONS.nodeRecovered, message, fields: { node: notice.node } });
        return;
      }
      case 'write-shown':
        this.deeds.shown(followed, notice, nowMs);
        return;
      case 'slot-repeated':
        this.#repeated(followed, notice);
        return;
      case 'failure-moot':
        this.#failures.get(followed.key)?.remove(notice.node);
        return;
      case 'slot-available':
        this.#ports.log('debug', 'replacement available', {
          daemonSet: followed.key,
          node: notice.node,
          durationMs: Math.round(notice.replacementMs),
        });
        return;
    }
  }

  #superseded(followed: Followed, { fromHash, toHash }: Extract<RolloutNotice, { type: 'superseded' }>): void {
    this.#failures.delete(followed.key);
    // Another one may never start: after a rollback nothing may be left to do.
    this.#progress.delete(followed.key);
    const isOta = followed.rollout.counts().strategy === 'OTA';
    const before = isOta ? 'every pod was marked for it' : 'every node had it';
    const message = `revision ${fromHash} gives way to ${toHash} before ${before}`;
    this.#say(followed, {
      level: 'info',
      reason: REASONS.superseded,
      message,
      topic: message,
      fields: { fromHash, toHash },
    });
  }

  #repeated(
    followed: Followed,
    { node, hash, count, waitMs }: Extract<RolloutNotice, { type: 'slot-repeated' }>,
  ): void {
    const seconds = Math.ceil(waitMs / 1000);
    const message =
      `node ${node}: its pod was deleted ${count} times for revision ${hash}, and what came was of another one; ` +
      `the next time is in ${seconds} s`;
    const fields = { node, revision: hash, count, waitMs };
    this.#say(followed, { level: 'warn', reason: REASONS.repeated, message, fields });
  }

  #digestOf(key: DaemonSetKey): FailureDigest {
    const digest = this.#failures.get(key) ?? new FailureDigest();
    this.#failures.set(key, digest);
    return digest;
  }

  #postFailures({ key, uid }: Followed, nowMs: number): void {
    if (!this.#isLeading) return;
    for (const message of this.#failures.get(key)?.take(nowMs) ?? []) {
      this.#record({ key, uid }, { level: 'warn', reason: REASONS.nodeFailed, message, topic: message });
    }
  }

  /** Mostly an event alone: the log has a line for each stream. */
  #postStale(followed: Followed, nowMs: number): void {
    if (!this.#isLeading) this.#stale.forget(followed.key);
    const news = this.#isLeading ? this.#stale.next(followed.key, followed.hold, nowMs) : undefined;
    if (news?.isOwn === true) this.#say(followed, news.statement);
    else if (news !== undefined) this.#record(followed, news.statement);
  }

  #postPause(followed: Followed): void {
    if (!this.#isLeading) this.#pauses.forget(followed.key);
    const statement = this.#isLeading ? this.#pauses.next(followed) : undefined;
    if (statement !== undefined) this.#say(followed, statement);
  }

  #postPace(followed: Followed, nowMs: number): void {
    const fields = this.#isLeading && !this.#isDryRun ? this.#paces.next(followed, nowMs) : undefined;
    if (fields !== undefined) this.#ports.log('info', 'pace changed', fields);
  }

  #started(followed: Followed, notice: Extract<RolloutNotice, { type: 'started' }>): void {
    const progress = new RolloutProgress(notice, followed.rollout.counts());
    this.#progress.set(followed.key, { followed, progress });
    this.#say(followed, progress.start);
  }

  #postProgress(followed: Followed): void {
    const statement = this.#progress.get(followed.key)?.progress.next(followed.rollout.counts());
    if (statement !== undefined) this.#say(followed, statement);
  }

  #say(about: About, statement: Statement): void {
    const { level, reason, message, fields } = statement;
    if (this.#isDryRun && CLAIMS.has(reason)) return;
    if (!this.#isLeading) {
      this.#ports.log('debug', 'left to the leader to say', { daemonSet: about.key, reason, detail: message });
      return;
    }
    this.#record(about, statement);
    this.#ports.log(level, reason, { daemonSet: about.key, detail: message, ...fields });
  }

  #record({ key, uid }: About, { level, reason, message, topic }: Statement): void {
    const type: DaemonSetEvent['type'] = level === 'warn' || level === 'error' ? 'Warning' : 'Normal';
    const event = { daemonSet: key, uid, type, reason, action: 'Update', message };
    this.#ports.recordEvent(topic === undefined ? event : { ...event, topic });
  }
}

function aboutOf(daemonSet: DaemonSetRecord): About {
  return { key: daemonSetKey(daemonSet.namespace, daemonSet.name), uid: daemonSet.uid };
}
