import { admitCreate, admitUpdate, createFault } from './admission.ts';
import { refuse, selectionOf } from './api-read.ts';
import type { ApiContext, Call, SimResponse } from './api-types.ts';
import { getField, isFields } from './fields.ts';
import { deletePod } from './graceful-delete.ts';
import { keyOf, objectKey, type PodObject, type SimObject, withMetadata } from './objects.ts';
import { mergePatch, strategicMerge } from './patch.ts';
import { apiVersionOf } from './resources.ts';
import type { StatusBody } from './status.ts';
import * as status from './status.ts';
import { formatTime } from './time.ts';

const PATCH_TYPES: Readonly<Record<string, (target: unknown, patch: unknown) => unknown>> = {
  'application/strategic-merge-patch+json': strategicMerge,
  'application/merge-patch+json': mergePatch,
};

function parseBody(call: Call): Record<string, unknown> | StatusBody {
  if (call.body === undefined || call.body === '') return status.badRequest('the body of the request was empty');
  try {
    const parsed: unknown = JSON.parse(call.body);
    return isFields(parsed) ? parsed : status.badRequest('the body of the request is not an object');
  } catch (error) {
    return status.badRequest(`the body of the request is not JSON: ${error instanceof Error ? error.message : ''}`);
  }
}

function isRefusal(value: object): value is StatusBody {
  return 'kind' in value && value.kind === 'Status' && 'code' in value;
}

function isDryRun(call: Call): boolean {
  return call.query.get('dryRun') === 'All';
}

function answer(call: Call, code: number, object: SimObject): SimResponse {
  return { kind: 'object', status: code, object: call.project(object), encoding: call.encoding };
}

/** The object in the body, as it belongs to the route; a refusal when it does not. */
function objectOf(call: Call): SimObject | StatusBody {
  const body = parseBody(call);
  if (isRefusal(body)) return body;
  const { resource, namespace } = call.route;
  const { kind = resource.kind, apiVersion = apiVersionOf(resource), metadata = {} } = body;
  if (kind !== resource.kind || apiVersion !== apiVersionOf(resource)) {
    return status.badRequest(
      `${String(kind)} in version "${String(apiVersion)}" cannot be handled as a ${resource.kind}`,
    );
  }
  if (!isFields(metadata)) return status.badRequest('metadata is not an object');
  const named = metadata.namespace ?? namespace;
  if (named !== namespace && resource.isNamespaced) {
    return status.badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  const placed = resource.isNamespaced ? { ...metadata, namespace } : metadata;
  return { ...body, kind, apiVersion, metadata: placed } as unknown as SimObject;
}

export function createObject(context: ApiContext, call: Call): SimResponse {
  const { resource, namespace } = call.route;
  const object = objectOf(call);
  if (isRefusal(object)) return refuse(call, object);
  const fault = createFault(object);
  if (fault !== undefined) return refuse(call, status.invalid(resource, object.metadata.name ?? '', fault));
  if ((object.metadata.resourceVersion ?? '') !== '') {
    return refuse(call, status.badRequest('resourceVersion should not be set on objects to be created'));
  }
  if (namespace !== '') {
    const space = context.store.get('namespaces', namespace);
    const namespaces = { ...resource, group: '', plural: 'namespaces' };
    if (space === undefined) return refuse(call, status.notFound(namespaces, namespace));
    if (space.metadata.deletionTimestamp !== undefined) {
      const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
      return refuse(call, status.forbidden(resource, object.metadata.name ?? '', why));
    }
  }
  const admitted = admitCreate(object, context.random, context.timeline.nowMs);
  if (context.store.get(resource.plural, keyOf(admitted)) !== undefined) {
    return refuse(call, status.alreadyExists(resource, admitted.metadata.name));
  }
  return answer(call, 201, isDryRun(call) ? admitted : context.store.create(resource.plural, admitted, call.origin));
}

/** Why a write over `previous` is refused; undefined when it is not. */
function updateFault(call: Call, previous: SimObject, candidate: SimObject): StatusBody | undefined {
  const { resource, name } = call.route;
  const { uid, resourceVersion } = candidate.metadata;
  if ((uid ?? '') !== '' && uid !== previous.metadata.uid) {
    if (call.method === 'PUT') return status.preconditionFailed(resource, name, uid, previous.metadata.uid);
    const message = `Invalid value: "${uid}": field is immutable`;
    return status.invalid(resource, name, { field: 'metadata.uid', reason: 'FieldValueInvalid', message });
  }
  if (candidate.metadata.name !== name) {
    return status.badRequest(
      `the name of the object (${candidate.metadata.name}) does not match the name on the URL (${name})`,
    );
  }
  const hasVersion = (resourceVersion ?? '') !== '';
  if (!hasVersion && call.method === 'PUT' && resource.plural === 'leases') {
    const message = 'Invalid value: 0: must be specified for an update';
    return status.invalid(resource, name, { field: 'metadata.resourceVersion', reason: 'FieldValueInvalid', message });
  }
  if (hasVersion && resourceVersion !== previous.metadata.resourceVersion) {
    return status.conflict(resource, name, status.OBJECT_MODIFIED);
  }
  return undefined;
}

function writeOver(
  context: ApiContext,
  call: Call,
  change: { previous: SimObject; candidate: SimObject },
): SimResponse {
  const { previous, candidate } = change;
  const fault = updateFault(call, previous, candidate);
  if (fault !== undefined) return refuse(call, fault);
  const next = admitUpdate(previous, candidate, call.route.subresource);
  if (isDryRun(call)) return answer(call, 200, next);
  const { plural } = call.route.resource;
  const isFinalized = next.metadata.deletionTimestamp !== undefined && (next.metadata.finalizers ?? []).length === 0;
  if (isFinalized && (previous.metadata.finalizers ?? []).length > 0) {
    return answer(call, 200, context.store.remove(plural, keyOf(previous), call.origin, next));
  }
  return answer(call, 200, context.store.update(plural, next, call.origin));
}

export function replaceObject(context: ApiContext, call: Call): SimResponse {
  const { resource, namespace, name, subresource } = call.route;
  const candidate = objectOf(call);
  if (isRefusal(candidate)) return refuse(call, candidate);
  const previous = context.store.get(resource.plural, objectKey(namespace, name));
  if (previous === undefined) {
    if (resource.plural === 'leases' && subresource === '') return createObject(context, call);
    return refuse(call, status.notFound(resource, name));
  }
  return writeOver(context, call, { previous, candidate });
}

export function patchObject(context: ApiContext, call: Call): SimResponse {
  const { resource, namespace, name } = call.route;
  const apply = PATCH_TYPES[call.contentType];
  if (apply === undefined) return refuse(call, status.unsupportedMediaType(Object.keys(PATCH_TYPES).join(', ')));
  const patch = parseBody(call);
  if (isRefusal(patch)) return refuse(call, patch);
  const previous = context.store.get(resource.plural, objectKey(namespace, name));
  if (previous === undefined) return refuse(call, status.notFound(resource, name));
  const merged = apply(previous, patch) as SimObject;
  if (!isFields(merged.metadata)) return refuse(call, status.badRequest('metadata is not an object'));
  const asksVersion = isFields(patch.metadata) && patch.metadata.resourceVersion !== undefined;
  const candidate = asksVersion ? merged : withMetadata(merged, { resourceVersion: previous.metadata.resourceVersion });
  return writeOver(context, call, { previous, candidate });
}

export interface DeleteOptions {
  readonly gracePeriodSeconds: number | undefined;
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  readonly propagationPolicy: string;
}

/** The options of a deletion from its body and query. */
export function deleteOptionsOf(call: Pick<Call, 'body' | 'query'>): DeleteOptions | undefined {
  let body: unknown = {};
  try {
    if (call.body !== undefined && call.body !== '') body = JSON.parse(call.body);
  } catch {
    return undefined;
  }
  const grace = getField(body, 'gracePeriodSeconds') ?? call.query.get('gracePeriodSeconds') ?? undefined;
  const uid = getField(body, 'preconditions.uid');
  const resourceVersion = getField(body, 'preconditions.resourceVersion');
  const propagation = getField(body, 'propagationPolicy') ?? call.query.get('propagationPolicy') ?? 'Background';
  return {
    gracePeriodSeconds: grace === undefined ? undefined : Number(grace),
    uid: typeof uid === 'string' ? uid : undefined,
    resourceVersion: typeof resourceVersion === 'string' ? resourceVersion : undefined,
    propagationPolicy: String(propagation),
  };
}

function deleteFault(call: Call, object: SimObject, options: DeleteOptions): StatusBody | undefined {
  const { resource, name } = call.route;
  const { uid, resourceVersion } = object.metadata;
  if (options.uid !== undefined && options.uid !== uid) {
    const why =
      `the UID in the precondition (${options.uid}) does not match the UID in record (${uid}). ` +
      'The object might have been deleted and then recreated';
    return status.conflict(resource, name, why);
  }
  if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion) {
    const why =
      `the ResourceVersion in the precondition (${options.resourceVersion}) does not match the ResourceVersion in ` +
      `record (${resourceVersion}). The object might have been modified`;
    return status.conflict(resource, name, why);
  }
  return undefined;
}

function deleteStored(
  context: ApiContext,
  call: Call,
  target: { object: SimObject; options: DeleteOptions },
): SimObject {
  const { object, options } = target;
  const { plural } = call.route.resource;
  const { store, timeline } = context;
  if (object.kind === 'Pod') {
    const pod = object as PodObject;
    return deletePod(store, {
      pod,
      gracePeriodSeconds: options.gracePeriodSeconds,
      nowMs: timeline.nowMs,
      origin: call.origin,
    });
  }
  const isHeld = (object.metadata.finalizers ?? []).length > 0 || object.kind === 'Namespace';
  if (!isHeld) return store.remove(plural, keyOf(object), call.origin);
  if (object.metadata.deletionTimestamp !== undefined) return object;
  const deletionTimestamp = formatTime(timeline.nowMs);
  const marked = withMetadata(object, { deletionTimestamp, deletionGracePeriodSeconds: 0 });
  const terminating = object.kind === 'Namespace' ? { ...marked, status: { phase: 'Terminating' } } : marked;
  return store.update(plural, terminating, call.origin);
}

export function deleteObject(context: ApiContext, call: Call): SimResponse {
  const { resource, namespace, name } = call.route;
  const options = deleteOptionsOf(call);
  if (options === undefined) return refuse(call, status.badRequest('the body of the request is not JSON'));
  const object = context.store.get(resource.plural, objectKey(namespace, name));
  if (object === undefined) return refuse(call, status.notFound(resource, name));
  const fault = deleteFault(call, object, options);
  if (fault !== undefined) return refuse(call, fault);
  if (isDryRun(call)) return answer(call, 200, object);
  const last = deleteStored(context, call, { object, options });
  const isShown = object.kind === 'Pod' || context.store.get(resource.plural, keyOf(object)) !== undefined;
  if (isShown) return answer(call, 200, last);
  const body = status.deleted(resource, name, object.metadata.uid);
  return { kind: 'status', status: 200, body, encoding: call.encoding };
}

export function deleteCollection(context: ApiContext, call: Call): SimResponse {
  const selects = selectionOf(call);
  if (typeof selects !== 'function') return refuse(call, selects);
  const options = deleteOptionsOf(call);
  if (options === undefined) return refuse(call, status.badRequest('the body of the request is not JSON'));
  const { resource } = call.route;
  const items = context.store
    .snapshot(resource.plural)
    .objects.filter(selects)
    .map((object) => call.project(deleteStored(context, call, { object, options })));
  const metadata = { resourceVersion: String(context.store.revision) };
  const list = { apiVersion: apiVersionOf(resource), kind: `${resource.kind}List`, metadata, items };
  return { kind: 'list', status: 200, list, encoding: call.encoding };
}
