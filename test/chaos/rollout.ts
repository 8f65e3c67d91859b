import assert from 'node:assert/strict';
import { type AuditedWrite, appliedDeletions, summarizeWrites } from '../control-plane/audit.ts';
import type { ObservedRollout } from '../control-plane/observed-rollout.ts';
import { waitFor } from '../control-plane/processes.ts';
import { auditedPeak } from './judge.ts';
import type { Rig } from './rig.ts';
import { NODES } from './settings.ts';
import type { Recovery } from './summary.ts';

const DAEMON_SET_CONTROLLER = 'test:kube-controller-manager';
const COMPLETE_TIMEOUT_MS = 180_000;

export interface RolloutOptions {
  readonly rig: Rig;
  readonly generation: number;
  readonly allowed: number;
  readonly startedMs: number;
  /** UIDs by name. */
  readonly oldPods: ReadonlyMap<string, string>;
}

export interface Judgement {
  readonly scenario: string;
  /** What was done, and how often. */
  readonly faults: string;
  readonly recoveries: readonly Recovery[];
  readonly notes?: readonly string[];
  /** The API server died with lines of the audit log not written. */
  readonly isAuditIncomplete?: boolean;
}

/** One change of the template and what came of it. */
export class Rollout {
  readonly startedMs: number;
  readonly allowed: number;
  readonly #options: RolloutOptions;

  constructor(options: RolloutOptions) {
    this.#options = options;
    this.startedMs = options.startedMs;
    this.allowed = options.allowed;
  }

  get deletedPods(): number {
    return this.#options.rig.observer.report.deletedPods;
  }

  get isComplete(): boolean {
    return this.#options.rig.observer.report.isComplete;
  }

  /** Waits until so many pods were deleted; fails when it is over before that. */
  async reach(count: number, timeoutMs = COMPLETE_TIMEOUT_MS): Promise<void> {
    await waitFor(() => this.deletedPods >= count, {
      timeoutMs,
      pollMs: 10,
      what: `${count} pods to be deleted`,
    }).catch((cause: unknown) => {
      throw new Error(`stands still: ${JSON.stringify(this.#options.rig.observer.report)}`, { cause });
    });
  }

  /** On all nodes: nobody is away. */
  async complete(timeoutMs = COMPLETE_TIMEOUT_MS): Promise<ObservedRollout> {
    const { observer } = this.#options.rig;
    await waitFor(() => observer.report.eligibleNodes === NODES, { timeoutMs, what: 'all nodes to be Ready' });
    return await observer.complete(this.#options.generation, timeoutMs);
  }

  /** How long after that time the API server received the next deletion; undefined: none. */
  async recoveryMs(sinceMs: number, credentialId?: string): Promise<number | undefined> {
    const next = (await this.writes()).find(
      (write) =>
        write.receivedMs > sinceMs &&
        write.httpStatus < 300 &&
        (credentialId === undefined || write.credentialId === credentialId),
    );
    return next === undefined ? undefined : next.receivedMs - sinceMs;
  }

  /** Those of the updater, in the order in which the API server received them. */
  async writes(): Promise<AuditedWrite[]> {
    const { rig, startedMs } = this.#options;
    const writes = await rig.podWrites(startedMs);
    return writes
      .filter((write) => write.user === rig.cluster.account.user || isRefusedCredential(write))
      .sort((first, second) => first.receivedMs - second.receivedMs);
  }

  /** After a restart of the API server the DaemonSet controller now and then makes a pod too many, and takes it back. */
  async #deletionsByOthers(): Promise<number> {
    const { rig, startedMs } = this.#options;
    const writes = await rig.podWrites(startedMs);
    return writes.filter(
      ({ verb, user, httpStatus }) => verb === 'delete' && user === DAEMON_SET_CONTROLLER && httpStatus < 300,
    ).length;
  }

  /** Waits until it is complete; then nothing may be lost, nothing done twice, and the budget must have held. */
  async judge(judgement: Judgement): Promise<void> {
    const { rig, startedMs, allowed, oldPods } = this.#options;
    const report = await this.complete();
    const writes = await this.writes();
    const { deletes, duplicates, refused, writes: accepted } = summarizeWrites(writes);
    const underWay = auditedPeak(writes, await rig.podWrites(startedMs), oldPods);
    const peak = report.takenDownPeak;
    rig.summary.add({
      scenario: judgement.scenario,
      faults: judgement.faults,
      tookMs: report.completedAfterMs ?? 0,
      deletedPods: report.deletedPods,
      duplicates: duplicates.size,
      otherAnswers:
        Object.entries(refused)
          .map(([status, count]) => `${count}×${status}`)
          .join(' ') || '-',
      peak,
      allowed,
      recoveries: judgement.recoveries,
      notes: judgement.notes ?? [],
    });
    assert.equal(report.updatedNodes, NODES, 'nodes are left behind');
    const others = await this.#deletionsByOthers();
    assert.equal(report.deletedPods, NODES + others, 'not every pod was deleted exactly once');
    assert.equal(report.deletedCurrentPods, others, 'pods of the newest revision were deleted');
    const current = writes.filter(({ pod, uid, httpStatus }) => httpStatus < 300 && oldPods.get(pod) !== uid);
    assert.deepEqual(current, [], 'the updater wrote to pods of the newest revision');
    assert.deepEqual([...duplicates], [], 'something was done twice');
    assert.equal(accepted, deletes, 'the updater wrote something else than deletions');
    assert.ok(peak <= allowed, `a deletion led to ${peak} unavailable, ${allowed} are allowed`);
    if (report.cameUnavailable === 0)
      assert.ok(report.unavailablePeak <= allowed, 'unavailable, but not through deletions');
    if (judgement.isAuditIncomplete === true) return;
    assert.equal(appliedDeletions(writes).length, NODES, 'the audit log has another number of deletions');
    assert.ok(
      underWay.peak <= allowed,
      `${underWay.peak} under way, ${allowed} are allowed: ${underWay.before.join(', ')}`,
    );
  }
}

function isRefusedCredential({ user, userAgent, httpStatus }: AuditedWrite): boolean {
  return user === '' && httpStatus === 401 && userAgent.startsWith('daemonpodupdater/');
}
