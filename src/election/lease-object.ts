import { type JsonObject, objectOf, parseJson } from '../kube/json-object.ts';
import type { LeaseRecord, ObservedLease } from './lease.ts';

/** A Lease as it was read, with the metadata that an update has to write back. */
export interface ParsedLease extends ObservedLease {
  readonly metadata: JsonObject;
}

/** Reads the JSON of a `coordination.k8s.io/v1` Lease; undefined when it is something else. */
export function parseLease(text: string): ParsedLease | undefined {
  return leaseOf(parseJson(text));
}

/** Reads a Lease that is JSON already. */
export function leaseOf(json: unknown): ParsedLease | undefined {
  const object = objectOf(json);
  const metadata = objectOf(object?.metadata);
  const resourceVersion = metadata?.resourceVersion;
  if (metadata === undefined || typeof resourceVersion !== 'string' || resourceVersion === '') return undefined;
  const { managedFields: _, ...kept } = metadata;
  return { record: recordOf(objectOf(object?.spec) ?? {}), resourceVersion, metadata: kept };
}

/** The records of a list, by namespace; undefined when it is something else. What is no Lease in it is left out. */
export function recordsByNamespace(text: string): Map<string, LeaseRecord> | undefined {
  const items = objectOf(parseJson(text))?.items;
  if (!Array.isArray(items)) return undefined;
  const records = new Map<string, LeaseRecord>();
  for (const item of items) {
    const lease = leaseOf(item);
    const namespace = lease?.metadata.namespace;
    if (lease !== undefined && typeof namespace === 'string') records.set(namespace, lease.record);
  }
  return records;
}

/** The same metadata, if it has no such annotation. */
export function withoutAnnotation(metadata: JsonObject, key: string): JsonObject {
  const annotations = objectOf(metadata.annotations);
  if (annotations?.[key] === undefined) return metadata;
  const { [key]: _, ...others } = annotations;
  return { ...metadata, annotations: others };
}

function recordOf(spec: JsonObject): LeaseRecord {
  const { holderIdentity, leaseDurationSeconds, acquireTime, renewTime, leaseTransitions } = spec;
  return {
    holderIdentity: typeof holderIdentity === 'string' ? holderIdentity : '',
    leaseDurationSeconds: typeof leaseDurationSeconds === 'number' ? leaseDurationSeconds : 0,
    acquireTimeMs: timeOf(acquireTime),
    renewTimeMs: timeOf(renewTime),
    leaseTransitions: typeof leaseTransitions === 'number' ? leaseTransitions : 0,
  };
}

export function leaseObject(metadata: JsonObject, record: LeaseRecord): unknown {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata,
    spec: {
      holderIdentity: record.holderIdentity,
      leaseDurationSeconds: record.leaseDurationSeconds,
      acquireTime: microTime(record.acquireTimeMs),
      renewTime: microTime(record.renewTimeMs),
      leaseTransitions: record.leaseTransitions,
    },
  };
}

/** Kubernetes' MicroTime wants exactly six digits. */
function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}

function timeOf(value: unknown): number {
  const ms = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? 0 : ms;
}
