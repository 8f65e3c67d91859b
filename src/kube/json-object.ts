/** A map of JSON, or of YAML, of which nothing is known. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Undefined: it is something else. */
export function objectOf(value: unknown): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}

/** Undefined: it is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
