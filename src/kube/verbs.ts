/** The HTTP method of each of the API's verbs, as RBAC names them. */
export const METHOD_OF_VERB = {
  get: 'GET',
  list: 'GET',
  watch: 'GET',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
} as const;

export type Verb = keyof typeof METHOD_OF_VERB;
