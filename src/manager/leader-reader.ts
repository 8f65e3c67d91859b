import type { ApiRequest, ApiResponse } from '../client/api.ts';
import { getConfigMapRequest, getLeaseRequest } from '../client/requests.ts';
import { apiErrorOfAnswer } from '../client/status-error.ts';
import { heldUntilMs } from '../election/lease.ts';
import { type ParsedLease, parseLease } from '../election/lease-object.ts';
import { oneLine } from '../kube/one-line.ts';
import { decodeNote } from '../status/leader-note.ts';
import type { LeaderStatus } from '../status/leader-status.ts';
import { decodeMemory } from '../status/memory-note.ts';
import { noteName, parseNoteObject, type StoredNote } from '../status/note-object.ts';
import { NOTE_EVERY_MS, NOTE_LOOK_MS } from './note-keeper.ts';
import { DEPLOYED_NAMESPACE, type LeaseOptions } from './options.ts';
import type { Reading } from './reading.ts';

export interface LeaderQuestion {
  readonly request: (request: ApiRequest) => Promise<ApiResponse>;
  readonly name: string;
  /** Where the lease may be; the first one that has it counts. */
  readonly namespaces: readonly string[];
  /** By the wall clock. */
  readonly nowMs: number;
}

/** What is told of a leader, and what leaders remember from one to the next. */
export interface ToldByLeader {
  readonly status: LeaderStatus;
  /** By DaemonSet UID. */
  readonly memories: ReadonlyMap<string, string>;
}

type Found<T> =
  | { readonly kind: 'found'; readonly object: T }
  | { readonly kind: 'missing' }
  | { readonly kind: 'problem'; readonly message: string };

const TIMEOUT_MS = 10_000;
/** What is not told after so long has not changed. */
const TOLD_WITHIN_MS = NOTE_EVERY_MS + NOTE_LOOK_MS;

/**
 * Reads how the holder of the lease stands that the options name; without a namespace where deploy/ puts it, then that of the
 * kubeconfig. The reading's rollouts remember what the leader's do.
 */
export async function leaderOf(reading: Reading, { leaseName, leaseNamespace }: LeaseOptions): Promise<LeaderStatus> {
  const usual = [...new Set([DEPLOYED_NAMESPACE, reading.source.namespace])];
  const { status, memories } = await readLeaderStatus({
    request: (request) => reading.request(request),
    name: leaseName,
    namespaces: leaseNamespace === undefined ? usual : [leaseNamespace],
    nowMs: Date.now(),
  });
  reading.host.remember(memories);
  return status;
}

/** Asks the election's lease who holds it, and the note beside it how that one stands; two small reads. */
export async function readLeaderStatus(question: LeaderQuestion): Promise<ToldByLeader> {
  const places = question.namespaces.map((namespace) => `${namespace}/${question.name}`);
  let problem: string | undefined;
  for (const [index, namespace] of question.namespaces.entries()) {
    const found = await findLease(question, namespace);
    const where = `lease ${places[index]}`;
    if (found.kind === 'problem') problem ??= `${where}: ${found.message}`;
    if (found.kind !== 'found') continue;
    const note = await findNote(question, namespace);
    const memories = decodeMemory(note.kind === 'found' ? note.object.memory : undefined);
    return { status: statusOf(found.object, note, { where, namespace, question }), memories };
  }
  const none =
    `there is no lease ${places.join(' or ')}: nothing runs, or without --leader-elect, or with another ` +
    '--leader-elect-resource-namespace or -name (this command takes these too)';
  return { status: { ok: false, message: problem ?? none }, memories: new Map() };
}

async function findLease({ request, name }: LeaderQuestion, namespace: string): Promise<Found<ParsedLease>> {
  const body = await find(request, getLeaseRequest({ namespace, name, timeoutMs: TIMEOUT_MS }));
  if (body.kind !== 'found') return body;
  const object = parseLease(new TextDecoder().decode(body.object));
  return object === undefined ? { kind: 'problem', message: 'the answer is not a Lease' } : { kind: 'found', object };
}

async function findNote({ request, name }: LeaderQuestion, namespace: string): Promise<Found<StoredNote>> {
  const asked = getConfigMapRequest({ namespace, name: noteName(name), timeoutMs: TIMEOUT_MS });
  const body = await find(request, asked);
  if (body.kind !== 'found') return body;
  const object = parseNoteObject(body.object);
  return object === undefined
    ? { kind: 'problem', message: 'the answer is not a ConfigMap' }
    : { kind: 'found', object };
}

async function find(request: LeaderQuestion['request'], asked: ApiRequest): Promise<Found<Uint8Array>> {
  const response = await request(asked);
  if (response.kind === 'failure') return { kind: 'problem', message: response.message };
  if (response.status === 404) return { kind: 'missing' };
  if (response.status === 200) return { kind: 'found', object: response.body };
  return { kind: 'problem', message: apiErrorOfAnswer(response, asked.labels).message };
}

interface Place {
  /** The lease, for people. */
  readonly where: string;
  readonly namespace: string;
  readonly question: LeaderQuestion;
}

function statusOf({ record }: ParsedLease, note: Found<StoredNote>, place: Place): LeaderStatus {
  const { where, namespace, question } = place;
  const { holderIdentity, renewTimeMs } = record;
  if (holderIdentity === '') return { ok: false, message: `nobody holds ${where}: no controller runs` };
  const holder = oneLine(holderIdentity, 320);
  if (note.kind === 'problem') {
    const object = `ConfigMap ${namespace}/${noteName(question.name)}`;
    return { ok: false, message: `${holder} holds ${where}, but ${object}: ${note.message}` };
  }
  const { status, writtenAtMs } = note.kind === 'found' ? note.object : { status: undefined, writtenAtMs: 0 };
  const decoded = decodeNote(status, holder);
  if (!decoded.ok) return { ok: false, message: `${holder} holds ${where}, but ${decoded.message}` };
  const renewedMs = Math.max(0, question.nowMs - renewTimeMs);
  if (heldUntilMs(record) < question.nowMs) {
    return { ok: true, report: decoded.report, ageMs: renewedMs, isOutdated: true };
  }
  const writtenMs = Math.max(0, question.nowMs - writtenAtMs);
  const ageMs = Math.min(writtenMs, renewedMs + TOLD_WITHIN_MS);
  return { ok: true, report: decoded.report, ageMs, isOutdated: false };
}
