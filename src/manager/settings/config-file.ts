import { isMap, isScalar, parseDocument } from 'yaml';
import { z } from 'zod';
import { type LaneSetting, parseLaneSetting } from '../../dispatch/lane-count.ts';
import { clipLine } from '../../kube/one-line.ts';
import type { Parsed } from './parse-value.ts';

/** What a config file may set. Undefined: it does not say. */
export interface Config {
  readonly workers: LaneSetting | undefined;
}

/** A config file is a few lines. */
export const CONFIG_BYTES_MAX = 64 * 1024;
/** Of what is wrong, in a message. */
const VALUE_CHARACTERS_MAX = 80;
const KEYS_NAMED_MAX = 5;

/** Reads the YAML of a config file; `file` is its name, for the message. An empty file sets nothing. */
export function parseConfig(text: string, file: string): Parsed<Config> {
  if (text.length > CONFIG_BYTES_MAX) return { ok: false, message: `${file}: longer than ${CONFIG_BYTES_MAX} bytes` };
  // Without the tags that make bytes, sets or dates: a setting is a word or a number. The parser would compare each key with all
  // others, which takes seconds where there are thousands.
  const document = parseDocument(text, { resolveKnownTags: false, logLevel: 'error', uniqueKeys: false });
  const error = document.errors[0];
  if (error !== undefined) return { ok: false, message: `${file}: ${firstLine(error.message)}` };
  const repeated = repeatedKey(document);
  if (repeated !== undefined) return { ok: false, message: `${file}: ${repeated} is there more than once` };
  const parsed = configSchema(file).safeParse(contentOf(document) ?? {});
  if (parsed.success) return { ok: true, value: { workers: parsed.data.workers } };
  return { ok: false, message: parsed.error.issues.map((issue) => issue.message).join('; ') };
}

/** Of the settings; what is below them is refused as no word or number. */
function repeatedKey({ contents }: ReturnType<typeof parseDocument>): string | undefined {
  if (!isMap(contents)) return undefined;
  const seen = new Set<string>();
  for (const { key } of contents.items) {
    if (!isScalar(key)) continue;
    const name = String(key.value);
    if (seen.has(name)) return `"${clipLine(name, VALUE_CHARACTERS_MAX)}"`;
    seen.add(name);
  }
  return undefined;
}

/** Undefined where an alias leads nowhere or into itself. */
function contentOf(document: ReturnType<typeof parseDocument>): unknown {
  try {
    return document.toJS();
  } catch (error) {
    if (error instanceof ReferenceError) return error.message;
    throw error;
  }
}

/** The parser's message goes on with an excerpt. */
function firstLine(message: string): string {
  return clipLine(message.split('\n')[0] ?? '', 200).replace(/:$/, '');
}

function scalarOf(value: unknown): string | number {
  if (typeof value === 'number') return value;
  if (typeof value !== 'object' || value === null) return clipLine(String(value), VALUE_CHARACTERS_MAX);
  return Array.isArray(value) ? 'a list' : 'a map';
}

function namesOf(keys: readonly string[]): string {
  const names = keys.slice(0, KEYS_NAMED_MAX).map((key) => `"${clipLine(key, VALUE_CHARACTERS_MAX)}"`);
  return names.join(', ') + (keys.length > names.length ? ' …' : '');
}

function configSchema(file: string) {
  const workers = z.unknown().transform((value, context): LaneSetting => {
    const result = parseLaneSetting(scalarOf(value), `workers in ${file}`);
    if (result.code === 'valid') return result.lanes;
    context.issues.push({ code: 'custom', message: result.message, input: value });
    return z.NEVER;
  });
  return z.strictObject(
    { workers: workers.optional() },
    {
      error: (issue) =>
        issue.code === 'unrecognized_keys'
          ? `${file}: unknown ${namesOf(issue.keys)}; it may hold: workers`
          : `${file}: not a map of settings, such as "workers: 4"`,
    },
  );
}
