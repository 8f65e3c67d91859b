import type { SimRequest } from './api-types.ts';
import type { Route } from './resources.ts';
import { forbidden, type StatusBody, unauthorized } from './status.ts';

/** What nobody may do. */
export interface Forbidden {
  /** `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` or `*`. */
  readonly verb: string;
  /** Plural, with the subresource (`pods/status`), or `*`. */
  readonly resource: string;
}

/** Authentication by bearer token and authorization by a list of prohibitions; both can change while running. */
export class AccessPolicy {
  tokens: readonly string[] | undefined;
  forbidden: readonly Forbidden[] = [];
  /** Who brings one of these may read and no more. */
  readonly #restrictedTokens: readonly string[];

  constructor(tokens: readonly string[] | undefined, restrictedTokens: readonly string[]) {
    this.tokens = tokens;
    this.#restrictedTokens = restrictedTokens;
  }

  authorize(request: SimRequest, route: Route | undefined): StatusBody | undefined {
    const token = request.headers.authorization?.replace(/^Bearer /, '') ?? '';
    if (this.tokens !== undefined && !this.tokens.includes(token)) return unauthorized();
    if (route === undefined) return undefined;
    const verb = verbOf(request, route);
    const resource = route.subresource === '' ? route.resource.plural : `${route.resource.plural}/${route.subresource}`;
    const isRestricted = this.#restrictedTokens.includes(token) && request.method !== 'GET';
    const isForbidden = this.forbidden.some(
      (rule) => (rule.verb === '*' || rule.verb === verb) && (rule.resource === '*' || rule.resource === resource),
    );
    if (!isForbidden && !isRestricted) return undefined;
    const where = route.namespace === '' ? 'at the cluster scope' : `in the namespace "${route.namespace}"`;
    const group = route.resource.group;
    const why = `User "simulated" cannot ${verb} resource "${resource}" in API group "${group}" ${where}`;
    return forbidden(route.resource, route.name, why);
  }
}

function verbOf(request: SimRequest, route: Route): string {
  switch (request.method) {
    case 'GET':
      if (route.name !== '') return 'get';
      return /[?&]watch=(true|1)/.test(request.url) ? 'watch' : 'list';
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'DELETE':
      return route.name === '' ? 'deletecollection' : 'delete';
    default:
      return request.method.toLowerCase();
  }
}
