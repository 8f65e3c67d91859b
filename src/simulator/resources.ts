/** A kind of object that the simulated API server serves. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly isNamespaced: boolean;
  readonly hasStatus: boolean;
  /** Fields that a field selector may name besides the metadata's name and namespace. */
  readonly selectableFields: readonly string[];
  readonly shortNames: readonly string[];
}

function resource(apiVersion: string, names: string, options: Partial<Resource> = {}): Resource {
  const [kind = '', plural = '', ...shortNames] = names.split(' ');
  const [version = '', group = ''] = apiVersion.split('/').reverse();
  const singular = kind.toLowerCase();
  const base = { group, version, plural, singular, kind, shortNames, isNamespaced: true, hasStatus: false };
  return { ...base, selectableFields: [], ...options };
}

export const RESOURCES: readonly Resource[] = [
  resource('v1', 'Pod pods po', {
    hasStatus: true,
    selectableFields: ['spec.nodeName', 'spec.restartPolicy', 'spec.schedulerName', 'status.phase', 'status.podIP'],
  }),
  resource('v1', 'Node nodes no', { isNamespaced: false, hasStatus: true, selectableFields: ['spec.unschedulable'] }),
  resource('v1', 'Namespace namespaces ns', {
    isNamespaced: false,
    hasStatus: true,
    selectableFields: ['status.phase'],
  }),
  resource('v1', 'ConfigMap configmaps cm'),
  resource('apps/v1', 'DaemonSet daemonsets ds', { hasStatus: true }),
  resource('apps/v1', 'ControllerRevision controllerrevisions'),
  resource('coordination.k8s.io/v1', 'Lease leases'),
  resource('events.k8s.io/v1', 'Event events ev', { selectableFields: ['reason', 'type', 'regarding.name'] }),
];

export function apiVersionOf(resource: Resource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/** `pods "x"` or `daemonsets.apps "x"`, as the API server names an object in its messages. */
export function qualifiedName(resource: Resource): string {
  return resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
}

export interface Route {
  readonly resource: Resource;
  /** '' for all namespaces and for cluster-scoped objects. */
  readonly namespace: string;
  /** '' for a collection. */
  readonly name: string;
  /** '' or `status`. */
  readonly subresource: string;
}

function splitPath(path: string): string[] | undefined {
  const parts = path.split('/').filter((part) => part !== '');
  if (!path.includes('%')) return parts;
  try {
    return parts.map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

/** By path; several parts of the cluster ask for the same one. */
const routes = new Map<string, Route | undefined>();
const ROUTES_MAX = 1000;

/** The object or collection that a path names; undefined when the server does not serve it. */
export function routeOf(path: string): Route | undefined {
  const known = routes.get(path);
  if (known !== undefined || routes.has(path)) return known;
  if (routes.size >= ROUTES_MAX) routes.clear();
  const route = routeAnew(path);
  routes.set(path, route);
  return route;
}

function routeAnew(path: string): Route | undefined {
  const parts = splitPath(path) ?? [];
  const root = parts.shift();
  const group = root === 'api' ? '' : root === 'apis' ? parts.shift() : undefined;
  const version = parts.shift();
  if (group === undefined || version === undefined) return undefined;
  const served = (plural: string | undefined): Resource | undefined =>
    RESOURCES.find((known) => known.group === group && known.version === version && known.plural === plural);
  const isInNamespace =
    parts[0] === 'namespaces' && parts.length >= 3 && !(parts.length === 3 && parts[2] === 'status');
  const namespace = isInNamespace ? (parts[1] ?? '') : '';
  const [plural, name = '', subresource = '', ...rest] = isInNamespace ? parts.slice(2) : parts;
  const found = served(plural);
  if (found === undefined || rest.length > 0 || (isInNamespace && !found.isNamespaced)) return undefined;
  if (!isInNamespace && found.isNamespaced && name !== '') return undefined;
  if (subresource !== '' && !(subresource === 'status' && found.hasStatus)) return undefined;
  return { resource: found, namespace, name, subresource };
}
