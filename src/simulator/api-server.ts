import { bookmark, getObject, listObjects, refuse, watchObjects } from './api-read.ts';
import type { ApiContext, Call, Encoding, SimRequest, SimResponse } from './api-types.ts';
import { createObject, deleteCollection, deleteObject, patchObject, replaceObject } from './api-write.ts';
import { discover } from './discovery.ts';
import type { SimObject } from './objects.ts';
import { type Resource, type Route, routeOf } from './resources.ts';
import * as status from './status.ts';

const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const JSON_TYPE = 'application/json';
/** Read only, by their text; most requests have one of a few. */
const queries = new Map<string, URLSearchParams>();
const QUERIES_MAX = 100;

function queryOf(text: string): URLSearchParams {
  let query = queries.get(text);
  if (query === undefined) {
    if (queries.size >= QUERIES_MAX) queries.clear();
    query = new URLSearchParams(text);
    queries.set(text, query);
  }
  return query;
}
/** Resources that have a protobuf encoding here; a real API server has one for every built-in kind. */
const PROTOBUF_RESOURCES: readonly string[] = ['pods', 'nodes'];

/** A write and what became of it, for whoever watches over the clients. */
export interface HandledWrite {
  readonly request: SimRequest;
  readonly route: Route;
  readonly response: SimResponse;
  /** The object as it was when the write arrived; undefined when there was none. */
  readonly before: SimObject | undefined;
  readonly nowMs: number;
}

export interface ApiServerOptions {
  readonly context: ApiContext;
  /** Refuses a request before it is looked at, as authentication and authorization do. */
  readonly authorize?: (request: SimRequest, route: Route | undefined) => status.StatusBody | undefined;
  readonly onWrite?: (write: HandledWrite) => void;
}

interface Negotiated {
  readonly encoding: Encoding;
  readonly isPartial: boolean;
}

/** By resource and Accept header; clients send few different ones. */
const negotiations = new Map<Resource, Map<string | undefined, Negotiated | undefined>>();
const NEGOTIATIONS_MAX = 100;

/** The first media type of the Accept header that the server can answer with; undefined when there is none. */
function negotiate(accept: string | undefined, route: Route): Negotiated | undefined {
  let known = negotiations.get(route.resource);
  if (known === undefined) {
    known = new Map();
    negotiations.set(route.resource, known);
  }
  const negotiated = known.get(accept);
  if (negotiated !== undefined || known.has(accept)) return negotiated;
  if (known.size >= NEGOTIATIONS_MAX) known.clear();
  const anew = negotiateAnew(accept, route);
  known.set(accept, anew);
  return anew;
}

function negotiateAnew(accept: string | undefined, route: Route): Negotiated | undefined {
  for (const entry of (accept ?? '*/*').split(',')) {
    const [type = '', ...parameters] = entry.split(';').map((part) => part.trim());
    const as = parameters.find((parameter) => parameter.startsWith('as='))?.slice(3);
    if (as === 'Table' || (as !== undefined && !as.startsWith('PartialObjectMetadata'))) continue;
    const isPartial = as !== undefined;
    if (type === JSON_TYPE || type === '*/*' || type === 'application/*') return { encoding: 'json', isPartial };
    const isEncodable = isPartial || PROTOBUF_RESOURCES.includes(route.resource.plural);
    if (type === PROTOBUF && isEncodable) return { encoding: 'protobuf', isPartial };
  }
  return undefined;
}

const partials = new WeakMap<SimObject, SimObject>();

/** Nothing but the metadata. */
function partialOf(object: SimObject): SimObject {
  let partial = partials.get(object);
  if (partial === undefined) {
    partial = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
    partials.set(object, partial);
  }
  return partial;
}

/** The simulated API server: from a request to an answer, at the present moment of its timeline. */
export class ApiServer {
  readonly #options: ApiServerOptions;

  constructor(options: ApiServerOptions) {
    this.#options = options;
    options.context.store.onCommit((commit) => options.context.hub.commit(commit));
  }

  get openWatches(): number {
    return this.#options.context.hub.count;
  }

  handle(request: SimRequest): SimResponse {
    const [path = '', query = ''] = splitOnce(request.url, '?');
    const route = routeOf(path);
    const refusal = this.#options.authorize?.(request, route);
    if (refusal !== undefined) return refuse({ encoding: 'json' }, refusal);
    if (route === undefined) return this.#handleRaw(request.method, path);
    const negotiated = negotiate(request.headers.accept, route);
    if (negotiated === undefined) {
      return refuse({ encoding: 'json' }, status.notAcceptable(`${JSON_TYPE}, ${PROTOBUF}`));
    }
    const call: Call = {
      route,
      method: request.method,
      query: queryOf(query),
      contentType: splitOnce(request.headers['content-type'] ?? JSON_TYPE, ';')[0]?.trim() ?? '',
      body: request.body,
      ...negotiated,
      project: negotiated.isPartial ? partialOf : (object) => object,
      origin: `client:${request.headers['user-agent'] ?? ''}`,
    };
    if (request.method === 'GET') return this.#read(call);
    return this.#observedWrite(call, request);
  }

  /** Tells every watch that wants bookmarks how far it has come. */
  sendBookmarks(): void {
    const { hub, store } = this.#options.context;
    for (const watch of hub.all()) {
      if (watch.options.bookmarkOf !== undefined) watch.send(bookmark(watch.options.bookmarkOf, store.revision, false));
    }
  }

  /** Ends every watch, as a restart of the API server does. */
  endWatches(): void {
    this.#options.context.hub.endAll();
  }

  #handleRaw(method: string, path: string): SimResponse {
    const body = method === 'GET' ? discover(path) : undefined;
    if (body === undefined) return refuse({ encoding: 'json' }, status.unknownPath());
    return { kind: 'raw', status: 200, body };
  }

  #read(call: Call): SimResponse {
    const { context } = this.#options;
    if (call.route.name !== '') return getObject(context, call);
    const watch = call.query.get('watch');
    return watch === 'true' || watch === '1' ? watchObjects(context, call) : listObjects(context, call);
  }

  #observedWrite(call: Call, request: SimRequest): SimResponse {
    const { context, onWrite } = this.#options;
    const { resource, namespace, name } = call.route;
    const key = namespace === '' ? name : `${namespace}/${name}`;
    const before = name === '' ? undefined : context.store.get(resource.plural, key);
    const response = this.#write(call);
    onWrite?.({ request, route: call.route, response, before, nowMs: context.timeline.nowMs });
    return response;
  }

  #write(call: Call): SimResponse {
    const { context } = this.#options;
    const { name, subresource, namespace, resource } = call.route;
    const isCollection = name === '';
    const hasJson = call.contentType === JSON_TYPE || call.method === 'PATCH';
    if (!hasJson) return refuse(call, status.unsupportedMediaType(JSON_TYPE));
    const isPlaced = namespace !== '' || !resource.isNamespaced;
    switch (call.method) {
      case 'POST':
        if (isCollection && isPlaced) return createObject(context, call);
        break;
      case 'PUT':
        if (!isCollection) return replaceObject(context, call);
        break;
      case 'PATCH':
        if (!isCollection) return patchObject(context, call);
        break;
      case 'DELETE':
        if (isCollection && isPlaced) return deleteCollection(context, call);
        if (!isCollection && subresource === '') return deleteObject(context, call);
        break;
      default:
        break;
    }
    return refuse(call, status.methodNotAllowed());
  }
}

function splitOnce(text: string, separator: string): readonly string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
