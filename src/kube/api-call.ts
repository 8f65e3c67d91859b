import type { Verb } from './verbs.ts';

/**
 * A call of the Kubernetes API.
 *
 * `scope`: `cluster` for cluster-scoped objects; `namespaced` for whichever namespaces the program looks after;
 * `own-namespace` for the one it runs in; `optional` for what it does without where it has no right to it: deploy/ does not grant it.
 */
export interface ApiCall {
  readonly verb: Verb;
  readonly apiGroup: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly scope: 'cluster' | 'namespaced' | 'own-namespace' | 'optional';
}
