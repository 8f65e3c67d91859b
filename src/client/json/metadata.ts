import { objectOf } from '../../kube/json-object.ts';
import { identityProblem } from '../object-name.ts';
import { malformed, type ObjectName, type RecordResult } from '../pod-facts.ts';
import { arrayOf, booleanOf, type Fields, fieldsOf, MalformedError, stringOf } from './values.ts';

export interface Identity {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
}

export function metadataOf(object: Fields): Fields {
  return fieldsOf(object.metadata, 'metadata');
}

export function identityOf(metadata: Fields): Identity {
  return {
    namespace: stringOf(metadata.namespace, 'metadata.namespace'),
    name: stringOf(metadata.name, 'metadata.name'),
    uid: stringOf(metadata.uid, 'metadata.uid'),
    resourceVersion: stringOf(metadata.resourceVersion, 'metadata.resourceVersion'),
  };
}

/** UID of the owner reference with `controller: true`. */
export function controllerUidOf(metadata: Fields): string | undefined {
  let ownerUid: string | undefined;
  arrayOf(metadata.ownerReferences, 'metadata.ownerReferences', (item, path) => {
    const owner = fieldsOf(item, path);
    if (booleanOf(owner.controller, `${path}.controller`)) ownerUid = stringOf(owner.uid, `${path}.uid`);
  });
  return ownerUid;
}

/** Runs a parser over JSON that may be anything: every `MalformedError` becomes a value. */
export function parseObject<T>(
  kind: string,
  json: unknown,
  read: (object: Fields) => RecordResult<T>,
): RecordResult<T> {
  try {
    return read(fieldsOf(json ?? 'nothing', 'the object'));
  } catch (error) {
    if (error instanceof MalformedError) return unreadable(kind, json, error.message);
    throw error;
  }
}

export function checkNamespaced(identity: Identity): void {
  const problem = identityProblem({ ...identity, isNamespaced: true });
  if (problem !== undefined) throw new MalformedError(problem);
}

/** `json` that cannot be used, whatever it is. */
export function unreadable<T>(kind: string, json: unknown, problem: string): RecordResult<T> {
  const object = nameIn(json);
  const text = object === undefined ? '' : `${object.namespace.slice(0, 64)}/${object.name.slice(0, 64)}`;
  return malformed(`${kind} ${text}: ${problem}`, object);
}

function nameIn(json: unknown): ObjectName | undefined {
  const metadata = objectOf(objectOf(json)?.metadata);
  if (metadata === undefined) return undefined;
  const { namespace, name } = metadata;
  return { namespace: typeof namespace === 'string' ? namespace : '', name: typeof name === 'string' ? name : '' };
}
