/** Whether it is an object with fields (not an array, not null). */
export function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value at a path of field names divided by dots; undefined when a part is missing. */
export function getField(object: unknown, path: string): unknown {
  let value = object;
  for (const name of path.split('.')) {
    if (!isFields(value)) return undefined;
    value = value[name];
  }
  return value;
}

/** Equality of JSON values; the order of fields does not matter, and undefined equals absent. */
export function isEqualJson(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (Array.isArray(left)) {
    if (!Array.isArray(right) || left.length !== right.length) return false;
    return left.every((item, index) => isEqualJson(item, right[index]));
  }
  if (!isFields(left) || !isFields(right)) return false;
  for (const name in left) if (left[name] !== right[name] && !isEqualJson(left[name], right[name])) return false;
  for (const name in right) if (right[name] !== undefined && left[name] === undefined) return false;
  return true;
}
