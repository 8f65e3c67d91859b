import type { ApiRequest, ApiResponse } from '../client/api.ts';
import { getLeaseRequest, listLeasesRequest } from '../client/requests.ts';
import { apiErrorOfAnswer } from '../client/status-error.ts';
import { heldUntilMs, isSameRecord, type LeaseRecord } from '../election/lease.ts';
import { parseLease, recordsByNamespace } from '../election/lease-object.ts';
import { oneLine } from '../kube/one-line.ts';

export type OtherLeaders =
  | { readonly code: 'none' }
  | {
      readonly code: 'held';
      readonly namespace: string;
      readonly holder: string;
      readonly untilMs: number;
      /** Than the lease in the own namespace, as far as both are known: of two that lead, one has to know that it is the second. */
      readonly isEarlier: boolean;
    }
  /** Not allowed everywhere. `looked`: the namespaces where it was, and where nobody leads. */
  | { readonly code: 'forbidden'; readonly message: string; readonly looked: readonly string[] }
  /** Ask again. */
  | { readonly code: 'no-answer'; readonly message: string };

export interface OtherLeadersQuestion {
  readonly request: (request: ApiRequest) => Promise<ApiResponse>;
  /** Of the lease. */
  readonly name: string;
  /** Where this process would have it. */
  readonly namespace: string;
  /** Where to look if not everywhere. */
  readonly likelyNamespaces: readonly string[];
  /** By the wall clock, which is what leases are written by. */
  readonly now: () => number;
  readonly pause: (durationMs: number) => Promise<void>;
}

/** By namespace. */
type Leases = ReadonlyMap<string, LeaseRecord>;
type Found =
  | { readonly leases: Leases; readonly own?: LeaseRecord | undefined; readonly forbidden?: Forbidden }
  | { readonly problem: string };
type Forbidden = Omit<Extract<OtherLeaders, { readonly code: 'forbidden' }>, 'code'>;

const HOLDER_LENGTH_MAX = 200;
const TIMEOUT_MS = 10_000;
/** A lease that ran out within that time may be one that is held, by somebody whose clock is behind ours. */
const DOUBTFUL_MS = 600_000;
/** Its holder renews it within that time: every 2 s, unless it was told otherwise. */
const SECOND_LOOK_MS = 5_000;

/** Whether somebody leads by a lease of the same name in another namespace: one that has not run out, or that is still renewed. */
export async function otherLeaders(question: OtherLeadersQuestion): Promise<OtherLeaders> {
  const first = await find(question);
  if ('problem' in first) return { code: 'no-answer', message: first.problem };
  const nowMs = question.now();
  const held = [...first.leases].find(([, record]) => heldUntilMs(record) > nowMs);
  if (held !== undefined) return heldBy(held, question.namespace, first.own);
  if ([...first.leases.values()].some((record) => heldUntilMs(record) > nowMs - DOUBTFUL_MS)) {
    await question.pause(SECOND_LOOK_MS);
    const second = await find(question);
    if ('problem' in second) return { code: 'no-answer', message: second.problem };
    const renewed = [...second.leases].find(([namespace, record]) => {
      const before = first.leases.get(namespace);
      return record.holderIdentity !== '' && (before === undefined || !isSameRecord(before, record));
    });
    if (renewed !== undefined) return heldBy(renewed, question.namespace, second.own);
  }
  return first.forbidden === undefined ? { code: 'none' } : { code: 'forbidden', ...first.forbidden };
}

function heldBy(
  [namespace, record]: readonly [string, LeaseRecord],
  ownNamespace: string,
  own: LeaseRecord | undefined,
): OtherLeaders {
  const aheadMs = (own?.acquireTimeMs ?? Number.POSITIVE_INFINITY) - record.acquireTimeMs;
  return {
    code: 'held',
    namespace,
    holder: oneLine(record.holderIdentity, HOLDER_LENGTH_MAX),
    untilMs: heldUntilMs(record),
    isEarlier: aheadMs > 0 || (aheadMs === 0 && namespace < ownNamespace),
  };
}

async function find(question: OtherLeadersQuestion): Promise<Found> {
  const { request, name, namespace: own } = question;
  const everywhere = read(await request(listLeasesRequest(name, { timeoutMs: TIMEOUT_MS })), 'list');
  if (everywhere.code === 'problem') return { problem: everywhere.message };
  if (everywhere.code !== 'read') return await findByName(question, everywhere.message);
  const leases = recordsByNamespace(everywhere.text);
  if (leases === undefined) return { problem: 'the answer is not a list of Leases' };
  const ownLease = leases.get(own);
  leases.delete(own);
  return { leases, own: ownLease };
}

/** Where a lease may be read by its name, though not everywhere. */
async function findByName(question: OtherLeadersQuestion, forbidden: string): Promise<Found> {
  const { request, name, namespace: own, likelyNamespaces } = question;
  const leases = new Map<string, LeaseRecord>();
  const looked: string[] = [];
  for (const namespace of new Set(likelyNamespaces)) {
    if (namespace === own) continue;
    const one = read(await request(getLeaseRequest({ namespace, name, timeoutMs: TIMEOUT_MS })), 'get');
    if (one.code === 'problem') return { problem: one.message };
    if (one.code !== 'forbidden') looked.push(namespace);
    const record = one.code === 'read' ? parseLease(one.text)?.record : undefined;
    if (record !== undefined) leases.set(namespace, record);
  }
  return { leases, forbidden: { message: forbidden, looked } };
}

type Reading =
  | { readonly code: 'read'; readonly text: string }
  | { readonly code: 'missing' | 'forbidden' | 'problem'; readonly message: string };

function read(response: ApiResponse, verb: 'get' | 'list'): Reading {
  if (response.kind === 'failure') return { code: 'problem', message: response.message };
  const { status, body } = response;
  if (status < 300) return { code: 'read', text: new TextDecoder().decode(body) };
  const { message } = apiErrorOfAnswer(response, { verb, resource: 'leases' });
  // Credentials that are refused (401) are renewed, and asked with again.
  const code = status === 403 ? 'forbidden' : status === 404 ? 'missing' : 'problem';
  return { code, message: `HTTP ${status}: ${message}` };
}
