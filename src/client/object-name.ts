/**
 * Names become parts of keys and of request paths, so a name that holds a '/' (or none at all) is refused where it
 * enters the program. Kubernetes itself never accepts such names.
 */
export function nameProblem(field: string, name: string): string | undefined {
  if (name === '') return `${field} is missing`;
  if (name.length > 253) return `${field} is longer than 253 characters`;
  if (name.includes('/')) return `${field} holds a '/'`;
  return undefined;
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
