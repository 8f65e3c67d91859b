import type { Outcome } from '../protocol/outcome.ts';
import type { DaemonSetKey } from '../protocol/slot.ts';
import type { RolloutNotice } from '../rollout/notices.ts';
import type { Followed } from './followed.ts';
import type { ControllerPorts } from './ports.ts';
import { type Deleted, ReplacedDigest } from './replaced-digest.ts';
import { REASONS, type Statement } from './statements.ts';
import { type Sent, writeLine } from './write-lines.ts';

/** Whom it is about. */
type About = Pick<Followed, 'key' | 'uid'>;

interface DeedPorts {
  readonly log: ControllerPorts['log'];
  /** An event. */
  readonly record: (about: About, statement: Statement) => void;
}

/**
 * What this process did to pods: a line in the log for each write, for the deletions of a DaemonSet an event now and then, and
 * a warning for each that was forced. It says so whether it still leads or not, because nobody else can.
 */
export class DeedNotices {
  readonly #ports: DeedPorts;
  readonly #digests = new Map<DaemonSetKey, { readonly about: About; readonly digest: ReplacedDigest }>();

  constructor(ports: DeedPorts) {
    this.#ports = ports;
  }

  /** `isShown`: the cluster has shown that it is done. `followed` undefined: its DaemonSet is none of ours any more. */
  ended(sent: Sent, outcome: Outcome, at: { followed: Followed | undefined; isShown: boolean; nowMs: number }): void {
    const line = writeLine(sent, outcome, at.isShown);
    if (line === undefined) return;
    this.#ports.log('info', line.message, line.fields);
    const { node, action, toHash } = line.fields;
    if (line.fate !== 'done' || action === 'mark' || at.followed === undefined) return;
    const isForced = action === 'force-delete';
    this.#deleted(at.followed, { node: String(node), toHash: String(toHash), isForced }, at.nowMs);
  }

  /** What was not known is known. */
  shown(followed: Followed, notice: Extract<RolloutNotice, { type: 'write-shown' }>, nowMs: number): void {
    const { node, uid, action, hash = '' } = notice;
    const fields = { daemonSet: followed.key, node, uid, action, toHash: hash };
    this.#ports.log('info', 'write that nobody had answered is done', fields);
    if (action === 'mark') return;
    this.#deleted(followed, { node, toHash: hash, isForced: action === 'force-delete' }, nowMs);
  }

  /** Says what is due; all of it when this process does not lead any more. */
  post({ key }: Followed, isLeading: boolean, nowMs: number): void {
    const dueMs = this.#digests.get(key)?.digest.dueMs ?? Number.POSITIVE_INFINITY;
    if (dueMs <= nowMs || !isLeading) this.flush(key, nowMs);
  }

  get nextWakeMs(): number | undefined {
    let wakeMs = Number.POSITIVE_INFINITY;
    for (const { digest } of this.#digests.values()) wakeMs = Math.min(wakeMs, digest.dueMs);
    return Number.isFinite(wakeMs) ? wakeMs : undefined;
  }

  /** A good moment to say what there is. */
  flush(key: DaemonSetKey, nowMs: number): void {
    const known = this.#digests.get(key);
    const statement = known?.digest.flush(nowMs);
    if (known !== undefined && statement !== undefined) this.#ports.record(known.about, statement);
  }

  flushAll(nowMs: number): void {
    for (const key of this.#digests.keys()) this.flush(key, nowMs);
  }

  /** Nothing more is done for it. */
  forget(key: DaemonSetKey): void {
    this.#digests.delete(key);
  }

  #deleted({ key, uid }: About, deleted: Deleted, nowMs: number): void {
    const { node, isForced } = deleted;
    const known = this.#digests.get(key) ?? { about: { key, uid }, digest: new ReplacedDigest() };
    const message = `node ${node}: the pod was stuck in Terminating and was deleted by force, as the DaemonSet asks for`;
    if (isForced) this.#ports.record(known.about, { level: 'warn', reason: REASONS.stuckForced, message });
    this.#digests.set(key, known);
    const before = known.digest.add(deleted, nowMs);
    if (before !== undefined) this.#ports.record(known.about, before);
  }
}
