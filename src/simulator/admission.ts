import { isEqualJson } from './fields.ts';
import { type DaemonSetObject, type Metadata, type PodObject, type SimObject, withMetadata } from './objects.ts';
import { type Random, randomSuffix, randomUid } from './random.ts';
import { matchesLabelSelector } from './selector.ts';
import type { FieldFault } from './status.ts';
import { formatTime } from './time.ts';

export const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation';

/** What the API server fills in when an object is created: identity, generation, defaults. */
export function admitCreate(object: SimObject, random: Random, nowMs: number): SimObject {
  const { generateName } = object.metadata;
  const name = object.metadata.name ?? `${generateName}${randomSuffix(random)}`;
  const hasGeneration = object.kind === 'Pod' || object.kind === 'DaemonSet';
  const metadata: Metadata = {
    ...object.metadata,
    name,
    uid: randomUid(random),
    resourceVersion: '',
    creationTimestamp: formatTime(nowMs),
    ...(hasGeneration ? { generation: 1 } : {}),
  };
  return withDefaults({ ...object, metadata });
}

function withDefaults(object: SimObject): SimObject {
  switch (object.kind) {
    case 'Pod':
      return podWithDefaults(object as PodObject);
    case 'DaemonSet':
      return daemonSetWithDefaults(object as DaemonSetObject);
    case 'Namespace':
      return { ...object, spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } };
    case 'Node':
      return { ...object, spec: object.spec ?? {}, status: object.status ?? {} };
    default:
      return object;
  }
}

function podWithDefaults(pod: PodObject): PodObject {
  const defaults = {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    schedulerName: 'default-scheduler',
    enableServiceLinks: true,
  };
  return { ...pod, spec: { ...defaults, ...pod.spec }, status: { phase: 'Pending', qosClass: 'BestEffort' } };
}

function daemonSetWithDefaults(daemonSet: DaemonSetObject): DaemonSetObject {
  const annotations = { ...daemonSet.metadata.annotations, [TEMPLATE_GENERATION]: '1' };
  const type = daemonSet.spec.updateStrategy?.type ?? 'RollingUpdate';
  const rollingUpdate = { maxUnavailable: 1, ...daemonSet.spec.updateStrategy?.rollingUpdate };
  const updateStrategy = type === 'RollingUpdate' ? { type, rollingUpdate } : { type };
  const status = { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 };
  const spec = { revisionHistoryLimit: 10, ...daemonSet.spec, updateStrategy };
  return { ...withMetadata(daemonSet, { annotations }), spec, status };
}

/** Why an object may not be created; undefined when it may. Far fewer rules than a real API server has. */
export function createFault(object: SimObject): FieldFault | undefined {
  const { name, generateName } = object.metadata ?? {};
  if ((name ?? '') === '' && (generateName ?? '') === '') {
    const message = 'Required value: name or generateName is required';
    return { field: 'metadata.name', reason: 'FieldValueRequired', message };
  }
  if (name !== undefined && !/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name)) {
    const message = `Invalid value: "${name}": a lowercase RFC 1123 subdomain is expected`;
    return { field: 'metadata.name', reason: 'FieldValueInvalid', message };
  }
  if (object.kind === 'Pod' || object.kind === 'DaemonSet') return specFault(object);
  if (object.kind === 'Event' && object.eventTime === undefined && object.deprecatedFirstTimestamp === undefined) {
    return { field: 'eventTime', reason: 'FieldValueRequired', message: 'Required value' };
  }
  return undefined;
}

function specFault(object: SimObject): FieldFault | undefined {
  if (object.spec === undefined) return { field: 'spec', reason: 'FieldValueRequired', message: 'Required value' };
  if (object.kind !== 'DaemonSet') return undefined;
  const { selector, template } = (object as DaemonSetObject).spec;
  if (selector !== undefined && matchesLabelSelector(selector, template?.metadata?.labels)) return undefined;
  const message = 'Invalid value: `selector` does not match template `labels`';
  return { field: 'spec.template.metadata.labels', reason: 'FieldValueInvalid', message };
}

/** The fields that only the API server itself sets, taken over from the stored object. */
function protectedMetadata(previous: Metadata): Partial<Metadata> {
  const { name, uid, creationTimestamp, namespace, generation } = previous;
  const { deletionTimestamp, deletionGracePeriodSeconds } = previous;
  return {
    name,
    uid,
    creationTimestamp,
    resourceVersion: previous.resourceVersion,
    ...(namespace === undefined ? {} : { namespace }),
    ...(generation === undefined ? {} : { generation }),
    ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    ...(deletionGracePeriodSeconds === undefined ? {} : { deletionGracePeriodSeconds }),
  };
}

/** What is stored when `candidate` is written over `previous`: a status write keeps the spec, and the other way round. */
export function admitUpdate(previous: SimObject, candidate: SimObject, subresource: string): SimObject {
  const metadata = { ...candidate.metadata, ...protectedMetadata(previous.metadata) };
  if (subresource === 'status') {
    const { ownerReferences } = previous.metadata;
    const owned = ownerReferences === undefined ? {} : { ownerReferences };
    return { ...previous, metadata: { ...metadata, ...owned }, status: candidate.status };
  }
  const merged: SimObject = { ...candidate, apiVersion: previous.apiVersion, kind: previous.kind, metadata };
  const withStatus = previous.status === undefined ? merged : { ...merged, status: previous.status };
  return bumpGeneration(previous, withStatus);
}

function bumpGeneration(previous: SimObject, next: SimObject): SimObject {
  const { generation } = previous.metadata;
  if (generation === undefined || isEqualJson(previous.spec, next.spec)) return next;
  const bumped = withMetadata(next, { generation: generation + 1 });
  if (next.kind !== 'DaemonSet') return bumped;
  const [before, after] = [previous as DaemonSetObject, next as DaemonSetObject];
  if (isEqualJson(before.spec.template, after.spec.template)) return bumped;
  const templateGeneration = Number(previous.metadata.annotations?.[TEMPLATE_GENERATION] ?? 0) + 1;
  const annotations = { ...next.metadata.annotations, [TEMPLATE_GENERATION]: String(templateGeneration) };
  return withMetadata(bumped, { annotations });
}
