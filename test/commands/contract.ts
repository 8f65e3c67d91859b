import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const FOLDER = join(import.meta.dirname, '..', '..', 'docs', 'schema');

/** The JSON Schema in docs of what a command prints. */
export function schemaText(command: string): string {
  return readFileSync(join(FOLDER, `${command}.json`), 'utf8');
}

/**
 * What is wrong with a document by the schema in docs, `path: what` each; empty: nothing. A key that the schema does not
 * explain is wrong too, which it is not for others: they may meet a newer version.
 */
export function documentProblems(command: string, document: unknown): readonly string[] {
  const parsed = z.fromJSONSchema(closed(JSON.parse(schemaText(command)))).safeParse(document);
  return (parsed.error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
}

function closed<T>(schema: T): T {
  if (Array.isArray(schema)) return schema.map(closed) as T;
  if (typeof schema !== 'object' || schema === null) return schema;
  const entries = Object.entries(schema).map(([key, value]) => [key, closed(value)]);
  if ('properties' in schema) entries.push(['additionalProperties', false]);
  return Object.fromEntries(entries);
}
