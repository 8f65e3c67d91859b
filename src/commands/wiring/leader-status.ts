import type { ApiRequest, ApiResponse } from '../../client/api.ts';
import { getLeaseRequest } from '../../client/requests.ts';
import { apiErrorOf } from '../../client/status-error.ts';
import { annotationsOf, type ParsedLease, parseLease } from '../../election/lease-object.ts';
import { NOTE_ANNOTATION } from '../../kube/annotations.ts';
import { oneLine } from '../../kube/one-line.ts';
import type { ControllerReport } from '../controller-report.ts';
import { decodeNote } from '../lease-note.ts';
import { DEPLOYED_NAMESPACE, type LeaseOptions } from '../options.ts';
import type { Reading } from './reading.ts';

export type LeaderStatus =
  | {
      readonly ok: true;
      readonly report: ControllerReport;
      /** Since the leader wrote it, by its clock and this machine's. */
      readonly ageMs: number;
      /** So old that the leader holds its lease no more, if the clocks are right. */
      readonly isOutdated: boolean;
    }
  /** For people: why nothing is known, and what to do. */
  | { readonly ok: false; readonly message: string };

export interface LeaderQuestion {
  readonly request: (request: ApiRequest) => Promise<ApiResponse>;
  readonly name: string;
  /** Where the lease may be; the first one that has it counts. */
  readonly namespaces: readonly string[];
  /** By the wall clock. */
  readonly nowMs: number;
}

type Found =
  | { readonly kind: 'lease'; readonly lease: ParsedLease }
  | { readonly kind: 'missing' }
  | { readonly kind: 'problem'; readonly message: string };

const TIMEOUT_MS = 10_000;

/** Reads the lease that the options name; without a namespace where deploy/ puts it, then that of the kubeconfig. */
export async function leaderOf(reading: Reading, { leaseName, leaseNamespace }: LeaseOptions): Promise<LeaderStatus> {
  const usual = [...new Set([DEPLOYED_NAMESPACE, reading.source.namespace])];
  return await readLeaderStatus({
    request: (request) => reading.request(request),
    name: leaseName,
    namespaces: leaseNamespace === undefined ? usual : [leaseNamespace],
    nowMs: Date.now(),
  });
}

/** Asks the election's lease how its holder stands; one small read. */
export async function readLeaderStatus(question: LeaderQuestion): Promise<LeaderStatus> {
  const places = question.namespaces.map((namespace) => `${namespace}/${question.name}`);
  let problem: string | undefined;
  for (const [index, namespace] of question.namespaces.entries()) {
    const found = await find(question, namespace);
    const where = `lease ${places[index]}`;
    if (found.kind === 'lease') return statusOf(found.lease, where, question.nowMs);
    if (found.kind === 'problem') problem ??= `${where}: ${found.message}`;
  }
  if (problem !== undefined) return { ok: false, message: problem };
  return {
    ok: false,
    message:
      `there is no lease ${places.join(' or ')}: nothing runs, or without --leader-elect, or with another ` +
      '--leader-elect-resource-namespace or -name (this command takes these too)',
  };
}

async function find({ request, name }: LeaderQuestion, namespace: string): Promise<Found> {
  const asked = getLeaseRequest({ namespace, name, timeoutMs: TIMEOUT_MS });
  const response = await request(asked);
  if (response.kind === 'failure') return { kind: 'problem', message: response.message };
  if (response.status === 404) return { kind: 'missing' };
  if (response.status !== 200) {
    const { status: httpStatus, body, retryAfterMs } = response;
    return { kind: 'problem', message: apiErrorOf({ httpStatus, body, retryAfterMs, labels: asked.labels }).message };
  }
  const lease = parseLease(new TextDecoder().decode(response.body));
  return lease === undefined ? { kind: 'problem', message: 'the answer is not a Lease' } : { kind: 'lease', lease };
}

function statusOf({ record, metadata }: ParsedLease, where: string, nowMs: number): LeaderStatus {
  const { holderIdentity, renewTimeMs, leaseDurationSeconds } = record;
  if (holderIdentity === '') return { ok: false, message: `nobody holds ${where}: no controller runs` };
  const decoded = decodeNote(annotationsOf(metadata)[NOTE_ANNOTATION], oneLine(holderIdentity, 320));
  if (!decoded.ok)
    return { ok: false, message: `${oneLine(holderIdentity, 320)} holds ${where}, but ${decoded.message}` };
  const ageMs = Math.max(0, nowMs - renewTimeMs);
  return { ok: true, report: decoded.report, ageMs, isOutdated: ageMs > leaseDurationSeconds * 1000 };
}
