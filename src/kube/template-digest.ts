import { type JsonObject, objectOf } from './json-object.ts';

/** A template is some ten levels deep; what is deeper than this is not worth to be looked at, and would need a long stack. */
const DEPTH_MAX = 100;
/** In a ControllerRevision the template says how it is to be applied; that is no part of it. */
const PATCH_DIRECTIVE = '$patch';

/**
 * A short text that is the same for pod templates that say the same: the order of fields, nulls and empty objects and lists make
 * no difference, nor does the `$patch` of a ControllerRevision. '' when there is nothing to compare.
 */
export function templateDigest(template: unknown): string {
  const { [PATCH_DIRECTIVE]: _, ...fields } = objectOf(template) ?? {};
  const text = canonical(fields, 0);
  return text === undefined || text === NOTHING ? '' : hashOf(text);
}

const NOTHING = '';

/** Undefined: it is too deep. */
function canonical(value: unknown, depth: number): string | undefined {
  if (depth > DEPTH_MAX) return undefined;
  if (value === null || value === undefined) return NOTHING;
  if (typeof value !== 'object') return JSON.stringify(value) ?? NOTHING;
  return Array.isArray(value) ? canonicalList(value, depth) : canonicalFields(value, depth);
}

/** Places count, so what says nothing keeps its own. */
function canonicalList(list: readonly unknown[], depth: number): string | undefined {
  if (list.length === 0) return NOTHING;
  let text = '';
  for (const item of list) {
    const part = canonical(item, depth + 1);
    if (part === undefined) return undefined;
    text += `,${part}`;
  }
  return `[${text}]`;
}

function canonicalFields(fields: object, depth: number): string | undefined {
  let text = '';
  for (const name of Object.keys(fields).sort()) {
    const part = canonical((fields as JsonObject)[name], depth + 1);
    if (part === undefined) return undefined;
    if (part !== NOTHING) text += `${JSON.stringify(name)}:${part},`;
  }
  return text === NOTHING ? NOTHING : `{${text}}`;
}

/** 64 bits of two multiplicative hashes (FNV-1a and one with other constants): nobody has a reason to find two alike. */
function hashOf(text: string): string {
  let left = 0x811c9dc5;
  let right = 0x9747b28c;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    left = Math.imul(left ^ unit, 0x01000193);
    right = Math.imul(right ^ unit, 0x5bd1e995);
    right ^= right >>> 15;
  }
  return hex(left ^ (left >>> 16)) + hex(right ^ (right >>> 13));
}

function hex(bits: number): string {
  return (bits >>> 0).toString(16).padStart(8, '0');
}
