import { OBJECT_BYTES_MAX } from '../readers.ts';

/** Values of one object, of whatever kind and depth. A DaemonSet with its managed fields has some thousand. */
const OBJECT_VALUES_MAX = 100_000;
const TOO_MANY_VALUES = `it has more than ${OBJECT_VALUES_MAX} values`;
const TOO_MUCH_TEXT = `it has more than ${OBJECT_BYTES_MAX} characters of text`;

/** What is shorter has nothing to be counted: each value takes at least two bytes. */
export const SMALL_BYTES = OBJECT_VALUES_MAX;

/** Why the text of one object is not even worth to be parsed: parsed, a value takes fifty times its bytes. */
export function textProblem(bytes: Uint8Array): string | undefined {
  return bytes.length > SMALL_BYTES && countValues(bytes) > OBJECT_VALUES_MAX ? TOO_MANY_VALUES : undefined;
}

/** Why an object has to be left out of a list that was parsed as a whole. Without recursion: it may be of any depth. */
export function objectProblem(json: unknown): string | undefined {
  const waiting: unknown[] = [json];
  let values = 0;
  let characters = 0;
  while (waiting.length > 0) {
    const value = waiting.pop();
    values += 1;
    if (typeof value === 'string') characters += value.length;
    else if (typeof value === 'object' && value !== null) {
      for (const key in value) {
        characters += key.length;
        if (values + waiting.push((value as Readonly<Record<string, unknown>>)[key]) > OBJECT_VALUES_MAX) {
          return TOO_MANY_VALUES;
        }
      }
    }
    if (characters > OBJECT_BYTES_MAX) return TOO_MUCH_TEXT;
  }
  return undefined;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Objects, arrays and what follows a comma, where they are no text: an annotation may hold a lot of JSON. */
export function countValues(bytes: Uint8Array): number {
  let count = 0;
  let isText = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === QUOTE) isText = !isText;
    else if (isText) at += byte === BACKSLASH ? 1 : 0;
    else if (byte === 0x7b || byte === 0x5b || byte === 0x2c) count += 1;
  }
  return count;
}
