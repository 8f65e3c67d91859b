/**
 * Reads JSON that may be anything. Absent and null become defaults, as the API server omits empty fields; a value of
 * another type is a `MalformedError` that names the field, which the `parse…` functions turn into a value.
 */
export class MalformedError extends Error {
  readonly code = 'malformed';
}

export type Fields = Readonly<Record<string, unknown>>;

const NO_FIELDS: Fields = Object.freeze({});

function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

export function fieldsOf(value: unknown, path: string): Fields {
  if (isAbsent(value)) return NO_FIELDS;
  if (typeof value !== 'object' || Array.isArray(value)) throw new MalformedError(`${path} is not an object`);
  return value as Fields;
}

export function stringOf(value: unknown, path: string): string {
  if (isAbsent(value)) return '';
  if (typeof value !== 'string') throw new MalformedError(`${path} is not a string`);
  return value;
}

export function integerOf(value: unknown, path: string): number {
  if (isAbsent(value)) return 0;
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw new MalformedError(`${path} is not an integer`);
  return value;
}

export function booleanOf(value: unknown, path: string): boolean {
  if (isAbsent(value)) return false;
  if (typeof value !== 'boolean') throw new MalformedError(`${path} is not true or false`);
  return value;
}

export function arrayOf<T>(value: unknown, path: string, read: (item: unknown, path: string) => T): readonly T[] {
  if (isAbsent(value)) return [];
  if (!Array.isArray(value)) throw new MalformedError(`${path} is not a list`);
  return value.map((item: unknown, i) => {
    try {
      return read(item, path);
    } catch (error) {
      // To put a path together for each item costs more than to read it, so that is done for what cannot be read.
      if (error instanceof MalformedError) read(item, `${path}[${i}]`);
      throw error;
    }
  });
}

/** A map of strings, without the one key that JavaScript objects cannot hold. */
export function stringMapOf(value: unknown, path: string): Readonly<Record<string, string>> {
  const fields = fieldsOf(value, path);
  const map: Record<string, string> = {};
  for (const key of Object.keys(fields)) {
    if (key === '__proto__') continue;
    const text = fields[key];
    map[key] = typeof text === 'string' ? text : stringOf(text, `${path}[${JSON.stringify(key)}]`);
  }
  return map;
}

/** RFC 3339, as milliseconds since the Unix epoch; undefined when absent. */
export function timeOf(value: unknown, path: string): number | undefined {
  const text = stringOf(value, path);
  if (text === '') return undefined;
  const timeMs = Date.parse(text);
  if (Number.isNaN(timeMs)) throw new MalformedError(`${path} is not a time`);
  return timeMs;
}
