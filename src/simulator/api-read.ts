import type { ApiContext, Call, SimResponse } from './api-types.ts';
import { keyOf, objectKey, type SimObject } from './objects.ts';
import { apiVersionOf, type Resource } from './resources.ts';
import { parseFieldSelector, parseLabelSelector } from './selector.ts';
import type { StatusBody } from './status.ts';
import * as status from './status.ts';
import type { WatchEvent } from './watch.ts';

const WATCH_TIMEOUT_MIN_MS = 1_800_000;
const LIST_OPTIONS = { kind: 'ListOptions', group: 'meta.k8s.io' };

export function refuse(call: { encoding: Call['encoding'] }, body: StatusBody): SimResponse {
  return { kind: 'status', status: body.code ?? 200, body, encoding: call.encoding };
}

export function getObject(context: ApiContext, call: Call): SimResponse {
  const { resource, namespace, name } = call.route;
  const object = context.store.get(resource.plural, objectKey(namespace, name));
  if (object === undefined) return refuse(call, status.notFound(resource, name));
  return { kind: 'object', status: 200, object: call.project(object), encoding: call.encoding };
}

type Selection = (object: SimObject) => boolean;

/** What the selectors of a request let through; a refusal when one is malformed. */
export function selectionOf(call: Call): Selection | StatusBody {
  const { resource, namespace } = call.route;
  const labelText = call.query.get('labelSelector') ?? '';
  const fieldText = call.query.get('fieldSelector') ?? '';
  const byLabels = parseLabelSelector(labelText);
  if (byLabels === undefined) return status.badRequest(`unable to parse requirement: ${labelText}`);
  const allowed = ['metadata.name', ...(resource.isNamespaced ? ['metadata.namespace'] : [])];
  const byFields = parseFieldSelector(fieldText, [...allowed, ...resource.selectableFields]);
  if (byFields === undefined) return status.badRequest(`field label not supported: ${fieldText}`);
  const hasFields = fieldText !== '';
  return (object) =>
    (namespace === '' || object.metadata.namespace === namespace) &&
    byLabels(object) &&
    (!hasFields || byFields(object));
}

interface Page {
  readonly revision: number;
  /** The key after which the page starts; '' for the first page. */
  readonly after: string;
}

function encodeContinue(page: Page): string {
  return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: page.revision, start: page.after })).toString(
    'base64url',
  );
}

function decodeContinue(token: string): Page | undefined {
  try {
    const { rv, start } = JSON.parse(Buffer.from(token, 'base64url').toString()) as { rv: unknown; start: unknown };
    return typeof rv === 'number' && typeof start === 'string' ? { revision: rv, after: start } : undefined;
  } catch {
    return undefined;
  }
}

const CONTINUE_EXPIRED =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list ' +
  'without the continue parameter, or use the continue token in this response to retrieve the remainder of the results.';

/** Where a list starts and at which revision; a refusal when the parameters do not go together or are out of date. */
function pageOf(context: ApiContext, call: Call): Page | StatusBody {
  const { store } = context;
  const token = call.query.get('continue') ?? '';
  const version = call.query.get('resourceVersion') ?? '';
  const match = call.query.get('resourceVersionMatch') ?? '';
  if (token !== '') {
    if (version !== '' && version !== '0') {
      return status.badRequest('specifying resource version is not allowed when using continue');
    }
    const page = decodeContinue(token);
    if (page === undefined) return status.badRequest('continue key is not valid');
    if (page.revision < 0) return { ...page, revision: store.revision };
    if (store.isRevisionKept(call.route.resource.plural, page.revision)) return page;
    return status.expired(CONTINUE_EXPIRED, encodeContinue({ ...page, revision: -1 }));
  }
  if (match !== '' && version === '') {
    const message = 'Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided';
    return status.invalid(LIST_OPTIONS, '', { field: 'resourceVersionMatch', reason: 'FieldValueForbidden', message });
  }
  if (version === '' || version === '0') return { revision: store.revision, after: '' };
  const revision = Number(version);
  if (!Number.isSafeInteger(revision) || revision < 0) return status.badRequest(`Invalid value: "${version}"`);
  if (revision > store.revision) return status.tooLargeRevision(revision, store.revision);
  if (match !== 'Exact') return { revision: store.revision, after: '' };
  if (store.isRevisionKept(call.route.resource.plural, revision)) return { revision, after: '' };
  return status.expired(`The resourceVersion for the provided list is too old.`);
}

export function listObjects(context: ApiContext, call: Call): SimResponse {
  const selects = selectionOf(call);
  if (typeof selects !== 'function') return refuse(call, selects);
  const page = pageOf(context, call);
  if ('kind' in page) return refuse(call, page);
  const { resource } = call.route;
  const all = context.store.snapshot(resource.plural, page.revision).objects;
  const isLimited = call.query.get('resourceVersion') !== '0' || call.query.has('continue');
  const limit = isLimited ? Number(call.query.get('limit') ?? 0) || Number.POSITIVE_INFINITY : Number.POSITIVE_INFINITY;
  const items: SimObject[] = [];
  let index = page.after === '' ? 0 : indexAfter(all, page.after);
  for (; index < all.length && items.length < limit; index += 1) {
    const object = all[index] as SimObject;
    if (selects(object)) items.push(call.project(object));
  }
  const last = all[index - 1];
  const isMore = last !== undefined && items.length === limit && all.slice(index).some(selects);
  const isSelective = call.query.has('labelSelector') || call.query.has('fieldSelector') || call.route.namespace !== '';
  const metadata = {
    resourceVersion: String(page.revision),
    ...(isMore ? { continue: encodeContinue({ revision: page.revision, after: keyOf(last) }) } : {}),
    ...(isMore && !isSelective ? { remainingItemCount: all.length - index } : {}),
  };
  const kind = call.isPartial ? 'PartialObjectMetadataList' : `${resource.kind}List`;
  const apiVersion = call.isPartial ? 'meta.k8s.io/v1' : apiVersionOf(resource);
  return { kind: 'list', status: 200, list: { kind, apiVersion, metadata, items }, encoding: call.encoding };
}

function indexAfter(objects: readonly SimObject[], key: string): number {
  let low = 0;
  let high = objects.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (keyOf(objects[middle] as SimObject) > key) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** A bookmark's object: nothing but the resource version. */
export function bookmark(resource: Resource, revision: number, isInitialEnd: boolean): WatchEvent {
  const annotations = isInitialEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {};
  const metadata = { resourceVersion: String(revision), creationTimestamp: null, ...annotations };
  const object = { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata } as unknown as SimObject;
  return { type: 'BOOKMARK', object };
}

function watchFault(call: Call): StatusBody | undefined {
  const { query } = call;
  if (!query.has('sendInitialEvents')) return undefined;
  if (query.get('resourceVersionMatch') !== 'NotOlderThan') {
    const message = 'Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan';
    return status.invalid(LIST_OPTIONS, '', { field: 'resourceVersionMatch', reason: 'FieldValueForbidden', message });
  }
  return undefined;
}

/** Opens a watch: what is there already (as the parameters ask), then every commit as it happens. */
export function watchObjects(context: ApiContext, call: Call): SimResponse {
  const selects = selectionOf(call);
  if (typeof selects !== 'function') return refuse(call, selects);
  const fault = watchFault(call);
  if (fault !== undefined) return refuse(call, fault);
  const { store, timeline } = context;
  const { query, route } = call;
  const version = query.get('resourceVersion') ?? '';
  const revision = Number(version);
  if (!Number.isSafeInteger(revision) || revision < 0)
    return refuse(call, status.badRequest(`Invalid value: "${version}"`));
  const watch = context.hub.open({
    resource: route.resource.plural,
    namespace: route.namespace,
    matches: selects,
    project: call.project,
    bookmarkOf: query.get('allowWatchBookmarks') === 'true' ? route.resource : undefined,
  });
  const asksInitial = query.get('sendInitialEvents') === 'true';
  if (asksInitial || ((version === '' || version === '0') && !query.has('sendInitialEvents'))) {
    for (const object of store.snapshot(route.resource.plural).objects) {
      if (selects(object)) watch.send({ type: 'ADDED', object });
    }
    if (asksInitial && watch.options.bookmarkOf !== undefined)
      watch.send(bookmark(route.resource, store.revision, true));
  } else if (version !== '' && version !== '0') {
    if (store.isRevisionKept(route.resource.plural, revision)) {
      for (const commit of store.commitsAfter(route.resource.plural, revision)) watch.commit(commit);
    } else {
      const why = `too old resource version: ${revision} (${store.oldestRevision(route.resource.plural)})`;
      watch.send({ type: 'ERROR', object: status.expired(why) as unknown as SimObject });
      watch.end();
    }
  }
  const asked = Number(query.get('timeoutSeconds') ?? 0) * 1000;
  const timeoutMs = asked > 0 ? asked : WATCH_TIMEOUT_MIN_MS * (1 + context.random());
  const planned = timeline.after(timeoutMs * context.timeScale, () => watch.end());
  watch.onEnded(() => timeline.cancel(planned));
  return { kind: 'watch', status: 200, watch, encoding: call.encoding };
}
