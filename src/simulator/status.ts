import { qualifiedName, type Resource } from './resources.ts';

/** A Kubernetes `Status`, the body of every refusal. */
export interface StatusBody {
  readonly kind: 'Status';
  readonly apiVersion: 'v1';
  readonly metadata: Readonly<Record<string, string>>;
  readonly status: 'Success' | 'Failure';
  readonly message?: string;
  readonly reason?: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly code?: number;
}

interface Failure {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly metadata?: Readonly<Record<string, string>>;
}

export function failure(options: Failure): StatusBody {
  const { code, reason, message, details, metadata = {} } = options;
  const head = { kind: 'Status', apiVersion: 'v1', metadata, status: 'Failure', message, reason } as const;
  return { ...head, ...(details === undefined ? {} : { details }), code };
}

function detailsOf(resource: Resource, name: string): Record<string, unknown> {
  const group = resource.group === '' ? {} : { group: resource.group };
  return { ...(name === '' ? {} : { name }), ...group, kind: resource.plural };
}

export function notFound(resource: Resource, name: string): StatusBody {
  const message = `${qualifiedName(resource)} "${name}" not found`;
  return failure({ code: 404, reason: 'NotFound', message, details: detailsOf(resource, name) });
}

/** For a path that nothing is served at. */
export function unknownPath(): StatusBody {
  const message = 'the server could not find the requested resource';
  return failure({ code: 404, reason: 'NotFound', message, details: {} });
}

export function alreadyExists(resource: Resource, name: string): StatusBody {
  const message = `${qualifiedName(resource)} "${name}" already exists`;
  return failure({ code: 409, reason: 'AlreadyExists', message, details: detailsOf(resource, name) });
}

export function conflict(resource: Resource, name: string, why: string): StatusBody {
  const message = `Operation cannot be fulfilled on ${qualifiedName(resource)} "${name}": ${why}`;
  return failure({ code: 409, reason: 'Conflict', message, details: detailsOf(resource, name) });
}

export function preconditionFailed(resource: Resource, name: string, wanted: string, present: string): StatusBody {
  const why = `Precondition failed: UID in precondition: ${wanted}, UID in object meta: ${present}`;
  return conflict(resource, name, why);
}

export const OBJECT_MODIFIED =
  'the object has been modified; please apply your changes to the latest version and try again';

export interface FieldFault {
  readonly field: string;
  /** `FieldValueInvalid`, `FieldValueRequired` or `FieldValueForbidden`. */
  readonly reason: string;
  readonly message: string;
}

export function invalid(resource: { kind: string; group: string }, name: string, fault: FieldFault): StatusBody {
  const { kind, group } = resource;
  const qualified = group === '' ? kind : `${kind}.${group}`;
  const message = `${qualified} "${name}" is invalid: ${fault.field}: ${fault.message}`;
  const details = { name, ...(group === '' ? {} : { group }), kind, causes: [fault] };
  return failure({ code: 422, reason: 'Invalid', message, details });
}

export function badRequest(message: string): StatusBody {
  return failure({ code: 400, reason: 'BadRequest', message });
}

export function methodNotAllowed(): StatusBody {
  const message = 'the server does not allow this method on the requested resource';
  return failure({ code: 405, reason: 'MethodNotAllowed', message, details: {} });
}

export function notAcceptable(types: string): StatusBody {
  const message = `only the following media types are accepted: ${types}`;
  return failure({ code: 406, reason: 'NotAcceptable', message });
}

export function unsupportedMediaType(types: string): StatusBody {
  const message = `the body of the request was in an unknown format - accepted media types include: ${types}`;
  return failure({ code: 415, reason: 'UnsupportedMediaType', message });
}

/** 410 for a watch or list of a revision that is not kept any more. */
export function expired(message: string, nextContinue?: string): StatusBody {
  const metadata = nextContinue === undefined ? {} : { continue: nextContinue };
  return failure({ code: 410, reason: 'Expired', message, metadata });
}

export function tooLargeRevision(wanted: number, present: number): StatusBody {
  const message = `Timeout: Too large resource version: ${wanted}, current: ${present}`;
  const causes = [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }];
  return failure({ code: 504, reason: 'Timeout', message, details: { causes, retryAfterSeconds: 1 } });
}

export function unauthorized(): StatusBody {
  return failure({ code: 401, reason: 'Unauthorized', message: 'Unauthorized' });
}

export function forbidden(resource: Resource, name: string, why: string): StatusBody {
  const message = `${qualifiedName(resource)}${name === '' ? '' : ` "${name}"`} is forbidden: ${why}`;
  return failure({ code: 403, reason: 'Forbidden', message, details: detailsOf(resource, name) });
}

export function tooManyRequests(retryAfterSeconds: number): StatusBody {
  const message = 'too many requests, please try again later';
  return failure({ code: 429, reason: 'TooManyRequests', message, details: { retryAfterSeconds } });
}

export function internalError(why: string): StatusBody {
  const message = `Internal error occurred: ${why}`;
  return failure({ code: 500, reason: 'InternalError', message, details: { causes: [{ message: why }] } });
}

/** Answer to the deletion of an object that the API server does not show again. */
export function deleted(resource: Resource, name: string, uid: string): StatusBody {
  const details = { ...detailsOf(resource, name), uid };
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
}
