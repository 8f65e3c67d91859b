import { clipLine } from './one-line.ts';

/** A count or a share, as in `maxUnavailable`. `value` is a whole number: 0 to 100 for percent, 0 to 2^31-1 for count. */
export interface IntOrPercent {
  readonly unit: 'count' | 'percent';
  readonly value: number;
}

export type IntOrPercentErrorCode = 'malformed' | 'negative' | 'over-100-percent';

export type IntOrPercentResult =
  | { readonly ok: true; readonly value: IntOrPercent }
  | { readonly ok: false; readonly code: IntOrPercentErrorCode; readonly message: string };

/** Kubernetes' IntOrString holds an int32. */
const COUNT_MAX = 2 ** 31 - 1;

const PATTERN = /^([+-]?)(\d+)(%?)$/;

/**
 * Reads `5`, `"5"` or `"10%"`.
 *
 * Errors: `malformed` (also fractions, blanks and counts beyond 32 bits), `negative`, `over-100-percent`.
 */
export function parseIntOrPercent(input: string | number): IntOrPercentResult {
  const text = String(input);
  const [, sign, digits, suffix] = PATTERN.exec(text) ?? [];
  if (digits === undefined)
    return failure('malformed', `"${clipLine(text, 40)}" is neither a whole number nor a percentage`);
  const value = Number(digits);
  if (sign === '-' && value !== 0) return failure('negative', `"${clipLine(text, 40)}" is negative`);
  if (suffix === '%') {
    if (value > 100) return failure('over-100-percent', `"${clipLine(text, 40)}" is more than 100%`);
    return { ok: true, value: { unit: 'percent', value } };
  }
  if (value > COUNT_MAX) return failure('malformed', `"${clipLine(text, 40)}" does not fit into 32 bits`);
  return { ok: true, value: { unit: 'count', value } };
}

/** The number meant for `total` things; a percentage rounds up, so that any share of something is at least one. */
export function scaleIntOrPercent(value: IntOrPercent, total: number): number {
  return value.unit === 'count' ? value.value : Math.ceil((value.value * total) / 100);
}

export function formatIntOrPercent(value: IntOrPercent): string {
  return value.unit === 'percent' ? `${value.value}%` : String(value.value);
}

function failure(code: IntOrPercentErrorCode, message: string): IntOrPercentResult {
  return { ok: false, code, message };
}
