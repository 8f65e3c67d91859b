/** ASCII without blanks. */
const PRINTABLE = /^[!-~]+$/;

/**
 * Names become parts of keys, request paths, log lines and terminal output, so a name that would be something else there
 * (a '/', '..', a line end, an escape sequence) is refused where it enters the program. Kubernetes itself never accepts
 * such names (apimachinery pkg/api/validation/path, and they are DNS names).
 */
export function nameProblem(field: string, name: string): string | undefined {
  if (name === '') return `${field} is missing`;
  if (name.length > 253) return `${field} is longer than 253 characters`;
  if (name.includes('/')) return `${field} holds a '/'`;
  if (!PRINTABLE.test(name)) return `${field} holds a character that no name has`;
  if (name === '.' || name === '..') return `${field} is "${name}"`;
  return undefined;
}

/** Whether it can be the name of an object; `namespace` '' for what is in none. */
export function isNameUsable({ namespace, name }: { readonly namespace: string; readonly name: string }): boolean {
  const isNamespaceUsable = namespace === '' || nameProblem('metadata.namespace', namespace) === undefined;
  return isNamespaceUsable && nameProblem('metadata.name', name) === undefined;
}

/** Checks what every record needs; `isNamespaced` objects need a namespace too. */
export function identityProblem(object: {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly isNamespaced: boolean;
}): string | undefined {
  if (object.uid === '') return 'metadata.uid is missing';
  if (object.resourceVersion === '') return 'metadata.resourceVersion is missing';
  if (!object.isNamespaced) return nameProblem('metadata.name', object.name);
  return nameProblem('metadata.name', object.name) ?? nameProblem('metadata.namespace', object.namespace);
}
