import type { ApiCall } from '../kube/api-call.ts';
import { METHOD_OF_VERB } from '../kube/verbs.ts';
import type { Content } from '../protocol/actions/action.ts';
import { ACTIONS, type ActionName, actionNamed } from '../protocol/actions/registry.ts';
import type { Task } from '../protocol/task.ts';
import type { ApiRequest } from './api-request.ts';

const APPS = 'apps';
const EVENTS = 'events.k8s.io';
const COORDINATION = 'coordination.k8s.io';

const calls = {
  listDaemonSets: { verb: 'list', apiGroup: APPS, resource: 'daemonsets', scope: 'namespaced' },
  watchDaemonSets: { verb: 'watch', apiGroup: APPS, resource: 'daemonsets', scope: 'namespaced' },
  listRevisions: { verb: 'list', apiGroup: APPS, resource: 'controllerrevisions', scope: 'namespaced' },
  watchRevisions: { verb: 'watch', apiGroup: APPS, resource: 'controllerrevisions', scope: 'namespaced' },
  listNodes: { verb: 'list', apiGroup: '', resource: 'nodes', scope: 'cluster' },
  watchNodes: { verb: 'watch', apiGroup: '', resource: 'nodes', scope: 'cluster' },
  listPods: { verb: 'list', apiGroup: '', resource: 'pods', scope: 'namespaced' },
  watchPods: { verb: 'watch', apiGroup: '', resource: 'pods', scope: 'namespaced' },
  createEvent: { verb: 'create', apiGroup: EVENTS, resource: 'events', scope: 'namespaced' },
  patchEvent: { verb: 'patch', apiGroup: EVENTS, resource: 'events', scope: 'namespaced' },
  listLeases: { verb: 'list', apiGroup: COORDINATION, resource: 'leases', scope: 'optional' },
  getLease: { verb: 'get', apiGroup: COORDINATION, resource: 'leases', scope: 'own-namespace' },
  createLease: { verb: 'create', apiGroup: COORDINATION, resource: 'leases', scope: 'own-namespace' },
  updateLease: { verb: 'update', apiGroup: COORDINATION, resource: 'leases', scope: 'own-namespace' },
  getConfigMap: { verb: 'get', apiGroup: '', resource: 'configmaps', scope: 'own-namespace' },
  createConfigMap: { verb: 'create', apiGroup: '', resource: 'configmaps', scope: 'own-namespace' },
  patchConfigMap: { verb: 'patch', apiGroup: '', resource: 'configmaps', scope: 'own-namespace' },
} as const satisfies Record<string, ApiCall>;

/**
 * Every call of the Kubernetes API that this program can make. The RBAC rules in deploy/ are held equal to this table by
 * a test, so a call that is not in here is refused on a cluster.
 */
export const apiCalls: readonly ApiCall[] = [...Object.values(calls), ...new Set(ACTIONS.map(({ call }) => call))];

export const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const JSON_TYPE = 'application/json';
const STRATEGIC_MERGE_PATCH = 'application/strategic-merge-patch+json';
const MERGE_PATCH = 'application/merge-patch+json';
/** Nobody reads what a write answers, so the smallest form of it is asked for. */
const METADATA_ONLY = `${JSON_TYPE};as=PartialObjectMetadata;v=v1;g=meta.k8s.io,${JSON_TYPE}`;
const FIELD_MANAGER = 'daemonpodupdater';

interface Place {
  readonly namespace?: string;
  readonly name?: string;
}

interface CallOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** The common part of every request: method, path and labels follow from the table's entry. */
function base(call: ApiCall, place: Place, options: CallOptions) {
  const { verb, resource, subresource } = call;
  const { timeoutMs, signal } = options;
  return {
    method: METHOD_OF_VERB[verb],
    path: pathOf(call, place),
    labels: { verb, resource: subresource === undefined ? resource : `${resource}/${subresource}` },
    timeoutMs,
    ...(signal === undefined ? {} : { signal }),
  };
}

const VERSIONS: Readonly<Record<string, string>> = {
  '': '/api/v1',
  [APPS]: '/apis/apps/v1',
  [EVENTS]: '/apis/events.k8s.io/v1',
  [COORDINATION]: '/apis/coordination.k8s.io/v1',
};

function pathOf(call: ApiCall, place: Place): string {
  const { namespace = '', name = '' } = place;
  const root = VERSIONS[call.apiGroup] ?? '';
  let path = namespace === '' ? root : `${root}/namespaces/${encodeURIComponent(namespace)}`;
  path += `/${call.resource}`;
  if (name !== '') path += `/${encodeURIComponent(name)}`;
  return call.subresource === undefined ? path : `${path}/${call.subresource}`;
}

/** The resources that are listed and watched. */
export type WatchedResource = 'daemonsets' | 'controllerrevisions' | 'nodes' | 'pods';

const LISTS = {
  daemonsets: calls.listDaemonSets,
  controllerrevisions: calls.listRevisions,
  nodes: calls.listNodes,
  pods: calls.listPods,
} as const;

const WATCHES = {
  daemonsets: calls.watchDaemonSets,
  controllerrevisions: calls.watchRevisions,
  nodes: calls.watchNodes,
  pods: calls.watchPods,
} as const;

export interface Selection {
  readonly resource: WatchedResource;
  /** '' for all namespaces. */
  readonly namespace: string;
  /** In the API's text form; '' for everything. */
  readonly labelSelector: string;
  readonly accept: string;
}

export interface ListQuery extends CallOptions {
  /** 0: everything in one answer. */
  readonly limit: number;
  readonly continueToken: string;
  /** '' for the newest; must be '' together with a continue token. */
  readonly resourceVersion: string;
}

export interface WatchQuery extends CallOptions {
  readonly resourceVersion: string;
  /** When the server should end the watch. */
  readonly timeoutSeconds: number;
}

export function listRequest(selection: Selection, query: ListQuery): ApiRequest {
  const { resource, namespace, labelSelector, accept } = selection;
  return {
    ...base(LISTS[resource], { namespace }, query),
    query: {
      labelSelector,
      limit: query.limit === 0 ? '' : String(query.limit),
      continue: query.continueToken,
      resourceVersion: query.resourceVersion,
    },
    accept,
    shouldReadBody: true,
  };
}

export function watchRequest(selection: Selection, query: WatchQuery): ApiRequest {
  const { resource, namespace, labelSelector, accept } = selection;
  return {
    ...base(WATCHES[resource], { namespace }, query),
    query: {
      watch: 'true',
      labelSelector,
      resourceVersion: query.resourceVersion,
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(query.timeoutSeconds),
    },
    accept,
    shouldReadBody: true,
  };
}

/** What an action asks of the API server about the task's pod. `wallTime`: RFC 3339, whole seconds; people see it. */
export function podRequest(
  name: ActionName,
  task: Task,
  { wallTime, ...options }: CallOptions & { readonly wallTime: string },
): ApiRequest {
  const action = actionNamed(name);
  const place = { namespace: task.namespace, name: task.pod };
  if (action.kind === 'read') return { ...base(action.call, place, options), accept: JSON_TYPE, shouldReadBody: true };
  // A write is sent for its own task.
  const { body, patch }: Content = action.content(task as never, wallTime);
  return {
    ...base(action.call, place, options),
    ...(patch === undefined ? {} : { query: { fieldManager: FIELD_MANAGER } }),
    body: JSON.stringify(body),
    contentType: patch === undefined ? JSON_TYPE : STRATEGIC_MERGE_PATCH,
    accept: METADATA_ONLY,
    shouldReadBody: false,
  };
}

export interface NamespacedTarget extends CallOptions {
  readonly namespace: string;
  readonly name: string;
}

/** A request of the election, or of what leaders leave each other, leaves at once: a lease must not be lost to a rate limit. */
const ELECTION = { accept: JSON_TYPE, shouldReadBody: true, rate: 'charged' } as const;

const CHARGED = { shouldReadBody: true, rate: 'charged' } as const;

/** Those of that name in all namespaces. */
export function listLeasesRequest(name: string, options: CallOptions): ApiRequest {
  return { ...base(calls.listLeases, {}, options), query: { fieldSelector: `metadata.name=${name}` }, ...ELECTION };
}

export function getLeaseRequest(target: NamespacedTarget): ApiRequest {
  return { ...base(calls.getLease, target, target), ...ELECTION };
}

/** `object`: a whole `coordination.k8s.io/v1` Lease. */
export function createLeaseRequest(target: Omit<NamespacedTarget, 'name'> & { readonly object: unknown }): ApiRequest {
  return {
    ...base(calls.createLease, { namespace: target.namespace }, target),
    body: JSON.stringify(target.object),
    contentType: JSON_TYPE,
    ...ELECTION,
  };
}

/** `object`: a whole Lease with the resourceVersion that was read. */
export function updateLeaseRequest(target: NamespacedTarget & { readonly object: unknown }): ApiRequest {
  return {
    ...base(calls.updateLease, target, target),
    body: JSON.stringify(target.object),
    contentType: JSON_TYPE,
    ...ELECTION,
  };
}

export function getConfigMapRequest(target: NamespacedTarget): ApiRequest {
  return { ...base(calls.getConfigMap, target, target), ...ELECTION };
}

/** `object`: a whole ConfigMap. The answer holds its metadata alone. */
export function createConfigMapRequest(
  target: Omit<NamespacedTarget, 'name'> & { readonly object: unknown },
): ApiRequest {
  const { namespace, object } = target;
  return { ...write(calls.createConfigMap, { namespace }, target, { body: object }), ...CHARGED };
}

/** `patch`: a merge patch; with a resourceVersion in it 409 when the ConfigMap has another one. The answer holds its metadata alone. */
export function patchConfigMapRequest(target: NamespacedTarget & { readonly patch: unknown }): ApiRequest {
  const content = { body: target.patch, contentType: MERGE_PATCH };
  return { ...write(calls.patchConfigMap, target, target, content), ...CHARGED };
}

/** `object`: a whole `events.k8s.io/v1` Event. */
export function createEventRequest(target: Omit<NamespacedTarget, 'name'> & { readonly object: unknown }): ApiRequest {
  return write(calls.createEvent, { namespace: target.namespace }, target, { body: target.object });
}

/** `patch`: a merge patch, such as the count and time of an Event's series. */
export function patchEventRequest(target: NamespacedTarget & { readonly patch: unknown }): ApiRequest {
  return write(calls.patchEvent, target, target, { body: target.patch, contentType: MERGE_PATCH });
}

/** A write of which at most the object's metadata is answered. */
function write(
  call: ApiCall,
  place: Place,
  options: CallOptions,
  { body, contentType = JSON_TYPE }: { readonly body: unknown; readonly contentType?: string },
): ApiRequest {
  return {
    ...base(call, place, options),
    query: { fieldManager: FIELD_MANAGER },
    body: JSON.stringify(body),
    contentType,
    accept: METADATA_ONLY,
    shouldReadBody: false,
  };
}
