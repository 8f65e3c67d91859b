import { apiVersionOf, RESOURCES, type Resource } from './resources.ts';

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

function resourceList(groupVersion: string): unknown {
  const served = RESOURCES.filter((resource) => apiVersionOf(resource) === groupVersion);
  if (served.length === 0) return undefined;
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources: served.flatMap(entries) };
}

function entries(resource: Resource): unknown[] {
  const { plural: name, singular: singularName, isNamespaced: namespaced, kind, shortNames, hasStatus } = resource;
  const main = { name, singularName, namespaced, kind, verbs: VERBS, shortNames };
  const sub = { name: `${name}/status`, singularName: '', namespaced, kind, verbs: ['get', 'patch', 'update'] };
  return hasStatus ? [main, sub] : [main];
}

function groupList(): unknown {
  const versions = new Set(RESOURCES.filter((resource) => resource.group !== '').map(apiVersionOf));
  const groups = [...versions].map((groupVersion) => {
    const [name = '', version = ''] = groupVersion.split('/');
    return { name, versions: [{ groupVersion, version }], preferredVersion: { groupVersion, version } };
  });
  return { kind: 'APIGroupList', apiVersion: 'v1', groups };
}

/** The documents that tell a client what the server serves, and its health; undefined for any other path. */
export function discover(path: string): unknown {
  switch (path) {
    case '/healthz':
    case '/livez':
    case '/readyz':
      return 'ok';
    case '/version':
      return { major: '1', minor: '37', gitVersion: 'v1.37.2-simulated', platform: 'simulated' };
    case '/api':
      return { kind: 'APIVersions', versions: ['v1'] };
    case '/apis':
      return groupList();
    default: {
      const groupVersion = /^\/(?:api|apis)\/([^/]+(?:\/[^/]+)?)$/.exec(path)?.[1];
      return groupVersion === undefined ? undefined : resourceList(groupVersion);
    }
  }
}
