import { readFile } from 'node:fs/promises';

/** One write to a pod as the API server's audit log has it. */
export interface AuditedWrite {
  readonly verb: 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';
  /** '' for the pod itself, else 'status', 'eviction', … */
  readonly subresource: string;
  readonly namespace: string;
  /** A name: after its pod is gone it may, by chance, be another one's. */
  readonly pod: string;
  /** Of the pod that a deletion was for, by its precondition; '' where the log does not have it. */
  readonly uid: string;
  /** '' when its credentials were refused. */
  readonly user: string;
  readonly userAgent: string;
  /** Which token of the user it was written with; '' for a fixed token. */
  readonly credentialId: string;
  readonly httpStatus: number;
  readonly receivedMs: number;
  readonly answeredMs: number;
}

/** A lease that was written, as it then was. */
export interface AuditedLease {
  readonly namespace: string;
  readonly name: string;
  /** '' when it was given up. */
  readonly holder: string;
  readonly leaseDurationSeconds: number;
  readonly credentialId: string;
  readonly receivedMs: number;
  readonly answeredMs: number;
}

interface AuditEvent {
  readonly stage: string;
  readonly verb: AuditedWrite['verb'];
  readonly user: { readonly username?: string; readonly extra?: Readonly<Record<string, readonly string[]>> };
  readonly userAgent?: string;
  readonly objectRef?: {
    readonly resource?: string;
    readonly namespace?: string;
    readonly name?: string;
    readonly subresource?: string;
  };
  readonly requestObject?: {
    readonly spec?: { readonly holderIdentity?: string; readonly leaseDurationSeconds?: number };
    readonly preconditions?: { readonly uid?: string };
  };
  readonly responseStatus?: { readonly code: number };
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
}

/** The writes to pods since the API server was first started, in the order of their completion. */
export async function readAuditLog(path: string): Promise<AuditedWrite[]> {
  const events = await readEvents(path);
  return events
    .filter((event) => event.objectRef?.resource === 'pods')
    .map((event) => ({
      verb: event.verb,
      subresource: event.objectRef?.subresource ?? '',
      namespace: event.objectRef?.namespace ?? '',
      pod: event.objectRef?.name ?? '',
      uid: event.requestObject?.preconditions?.uid ?? '',
      user: event.user.username ?? '',
      userAgent: event.userAgent ?? '',
      credentialId: credentialOf(event),
      httpStatus: event.responseStatus?.code ?? 0,
      receivedMs: Date.parse(event.requestReceivedTimestamp),
      answeredMs: Date.parse(event.stageTimestamp),
    }));
}

/** The accepted writes to leases, in the order of their completion. */
export async function readLeaseLog(path: string): Promise<AuditedLease[]> {
  const events = await readEvents(path);
  return events
    .filter(({ objectRef, responseStatus }) => objectRef?.resource === 'leases' && (responseStatus?.code ?? 0) < 300)
    .map((event) => ({
      namespace: event.objectRef?.namespace ?? '',
      name: event.objectRef?.name ?? '',
      holder: event.requestObject?.spec?.holderIdentity ?? '',
      leaseDurationSeconds: event.requestObject?.spec?.leaseDurationSeconds ?? 0,
      credentialId: credentialOf(event),
      receivedMs: Date.parse(event.requestReceivedTimestamp),
      answeredMs: Date.parse(event.stageTimestamp),
    }));
}

/** An API server that was killed may have left half a line. */
async function readEvents(path: string): Promise<AuditEvent[]> {
  const events: AuditEvent[] = [];
  for (const line of (await readFile(path, 'utf8')).split('\n')) {
    const event = parseLine(line);
    if (event !== undefined && isAnswered(event)) events.push(event);
  }
  return events;
}

/** Requests with refused credentials have one line only, of an earlier stage. */
function isAnswered({ stage, responseStatus }: AuditEvent): boolean {
  if (stage === 'ResponseStarted') return responseStatus?.code === 401;
  return stage === 'ResponseComplete' || stage === 'Panic';
}

function parseLine(line: string): AuditEvent | undefined {
  try {
    return line === '' ? undefined : (JSON.parse(line) as AuditEvent);
  } catch {
    return undefined;
  }
}

function credentialOf({ user }: AuditEvent): string {
  return user.extra?.['authentication.kubernetes.io/credential-id']?.[0] ?? '';
}

export interface WriteSummary {
  /** Accepted by the API server. */
  readonly writes: number;
  readonly deletes: number;
  readonly patches: number;
  /** Answered with something else than 2xx, by status. */
  readonly refused: Readonly<Record<number, number>>;
  /** Pods that were written more than once with the same verb and subresource, with how often; by UID where it is known. */
  readonly duplicates: ReadonlyMap<string, number>;
  readonly pods: ReadonlySet<string>;
}

export function summarizeWrites(writes: readonly AuditedWrite[]): WriteSummary {
  const counts = new Map<string, number>();
  const refused: Record<number, number> = {};
  const accepted = writes.filter(({ httpStatus }) => httpStatus >= 200 && httpStatus < 300);
  for (const { httpStatus } of writes) {
    if (httpStatus < 200 || httpStatus >= 300) refused[httpStatus] = (refused[httpStatus] ?? 0) + 1;
  }
  for (const { verb, subresource, namespace, pod, uid } of accepted) {
    const key = `${verb} ${namespace}/${pod}${subresource === '' ? '' : `/${subresource}`} ${uid}`.trimEnd();
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return {
    writes: accepted.length,
    deletes: accepted.filter(({ verb }) => verb === 'delete').length,
    patches: accepted.filter(({ verb }) => verb === 'patch').length,
    refused,
    duplicates: new Map([...counts].filter(([, count]) => count > 1)),
    pods: new Set(accepted.map(({ pod }) => pod)),
  };
}

/**
 * One for each pod that was deleted. When the client is killed, or etcd, the API server answers 504 or 500 to nobody, and the
 * deletion may have been applied: such a one stands for its pod if there is no accepted one.
 */
export function appliedDeletions(writes: readonly AuditedWrite[]): AuditedWrite[] {
  const found = new Map<string, AuditedWrite>();
  const deletions = writes.filter(({ verb }) => verb === 'delete');
  const accepted = deletions.filter(({ httpStatus }) => httpStatus < 300);
  for (const write of [...accepted, ...deletions.filter(({ httpStatus }) => httpStatus >= 500)]) {
    const key = `${write.pod} ${write.uid}`;
    if (!found.has(key)) found.set(key, write);
  }
  return [...found.values()];
}
