import { type AuditedLease, type AuditedWrite, appliedDeletions } from '../control-plane/audit.ts';

const KUBELET = 'test:kwok';

export interface AuditedPeak {
  readonly peak: number;
  /** What led to it, to be shown when it is too high. */
  readonly before: readonly string[];
}

const SHOWN_STEPS = 16;

/**
 * The most replacements under way at one time, by the audit log alone: a deletion begins one, the stand-in kubelet's first
 * report about a new pod ends one. Times are when the API server received the request, so what was done because of an answer
 * is always later than what it answered: who never has more under way than that, by what it knows, is never found with more
 * here, though the pods that really are down at one time may be fewer.
 *
 * `oldPods`: names. Pods get theirs by chance (27^5 of them), so a new one may have the name of an old one that is gone.
 */
export function auditedPeak(
  updaterWrites: readonly AuditedWrite[],
  writes: readonly AuditedWrite[],
  oldPods: { has(name: string): boolean },
): AuditedPeak {
  const byKubelet = writes.filter(({ user, httpStatus }) => user === KUBELET && httpStatus < 300);
  const goneMs = new Map<string, number>();
  for (const { verb, pod, receivedMs } of byKubelet) {
    if (verb === 'delete' && !goneMs.has(pod)) goneMs.set(pod, receivedMs);
  }
  const readyMs = new Map<string, number>();
  for (const { subresource, pod, receivedMs } of byKubelet) {
    const isOfNewPod = !oldPods.has(pod) || receivedMs > (goneMs.get(pod) ?? Number.POSITIVE_INFINITY);
    if (subresource === 'status' && isOfNewPod && !readyMs.has(pod)) readyMs.set(pod, receivedMs);
  }
  const steps = [
    ...appliedDeletions(updaterWrites).map(({ pod, receivedMs }) => ({ pod, atMs: receivedMs, change: 1 })),
    ...[...readyMs].map(([pod, atMs]) => ({ pod, atMs, change: -1 })),
  ].sort((a, b) => a.atMs - b.atMs || a.change - b.change);
  let underWay = 0;
  let found: AuditedPeak = { peak: 0, before: [] };
  for (const [index, { change }] of steps.entries()) {
    underWay += change;
    if (underWay <= found.peak) continue;
    const before = steps.slice(Math.max(0, index - SHOWN_STEPS), index + 2);
    found = {
      peak: underWay,
      before: before.map((step) => `${step.atMs} ${step.change > 0 ? 'deleted' : 'ready'} ${step.pod}`),
    };
  }
  return found;
}

export interface Trespass {
  readonly pod: string;
  readonly credentialId: string;
  /** How long after the right to write was over; without one it never began. */
  readonly lateMs: number | undefined;
  readonly why: 'taken' | 'expired';
}

/**
 * Accepted writes by one who did not hold the lease when the API server received them, or had not renewed it within the
 * renew deadline. `leases`: of one lease, in the order in which they were written.
 */
export function trespasses(
  writes: readonly AuditedWrite[],
  leases: readonly AuditedLease[],
  renewDeadlineMs: number,
): Trespass[] {
  const found: Trespass[] = [];
  for (const { pod, credentialId, httpStatus, receivedMs } of writes) {
    if (httpStatus >= 300) continue;
    const before = leases.filter((lease) => lease.receivedMs <= receivedMs);
    const newest = before.at(-1);
    const renewal = before.findLast((lease) => lease.credentialId === credentialId && lease.holder !== '');
    const endMs = renewal === undefined ? undefined : renewal.answeredMs + renewDeadlineMs;
    const lateMs = endMs === undefined ? undefined : receivedMs - endMs;
    if (newest === undefined || newest.credentialId !== credentialId || newest.holder === '') {
      found.push({ pod, credentialId, lateMs, why: 'taken' });
    } else if (lateMs !== undefined && lateMs > 0) {
      found.push({ pod, credentialId, lateMs, why: 'expired' });
    }
  }
  return found;
}
