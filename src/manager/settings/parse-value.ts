/** What a value of a flag is, or why it is none: the end of a sentence that begins with the flag and the value. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly message: string };

function valid<T>(value: T): Parsed<T> {
  return { ok: true, value };
}

function invalid(message: string): Parsed<never> {
  return { ok: false, message };
}

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Digits alone: no sign, fraction, exponent or blank. */
export function parseInteger(text: string, { min, max }: Range): Parsed<number> {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? valid(value) : invalid(`Use a whole number from ${min} to ${max}.`);
}

export function parseDecimal(text: string, { min, max }: Range): Parsed<number> {
  const value = /^\d{1,15}(?:\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? valid(value) : invalid(`Use a number from ${min} to ${max}.`);
}

/** `3%` or `3`, with up to two decimals; returns 0 to 100. */
export function parsePercent(text: string): Parsed<number> {
  const match = /^(\d{1,3}(?:\.\d{1,2})?)%?$/.exec(text);
  const value = Number(match?.[1] ?? Number.NaN);
  return value <= 100 ? valid(value) : invalid('Use a percentage from 0% to 100%.');
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/;
const DURATION_PART = /(\d+(?:\.\d+)?)(ms|s|m|h)/g;

/** Go's form: `200ms`, `5s`, `1m30s`, `1.5h`; a bare `0` too. Whole milliseconds. */
export function parseDuration(text: string, { min, max }: Range): Parsed<number> {
  const range = `Use a duration from ${formatDuration(min)} to ${formatDuration(max)}, such as 200ms, 5s or 1m30s.`;
  if (text.length > 40 || (text !== '0' && !DURATION.test(text))) return invalid(range);
  let ms = 0;
  for (const [, digits, unit] of text.matchAll(DURATION_PART)) ms += Number(digits) * (UNITS_MS[unit ?? ''] ?? 0);
  ms = Math.round(ms);
  return ms >= min && ms <= max ? valid(ms) : invalid(range);
}

/** The shortest exact form that `parseDuration` reads: `1m30s`, `2h`, `200ms`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  let rest = ms;
  let text = '';
  for (const [unit, size] of Object.entries(UNITS_MS).reverse()) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text;
}

/** One of some words, in any case. */
export function parseChoice<T extends string>(text: string, choices: readonly T[]): Parsed<T> {
  const choice = choices.find((candidate) => candidate.toLowerCase() === text.toLowerCase());
  return choice === undefined ? invalid(`Use ${choices.join(', ').replace(/, ([^,]*)$/, ' or $1')}.`) : valid(choice);
}

/** A flag that may be given alone or, as Go programs have it, with `=true` or `=false`. */
export function parseBoolean(text: string): Parsed<boolean> {
  if (text === 'true' || text === 'false') return valid(text === 'true');
  return invalid('Use true or false.');
}

const DNS_LABEL = /^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
const DNS_SUBDOMAIN = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;

export function parseNamespace(text: string): Parsed<string> {
  return DNS_LABEL.test(text)
    ? valid(text)
    : invalid('Use the name of a namespace: at most 63 lower-case letters, digits and dashes.');
}

export function parseObjectName(text: string): Parsed<string> {
  return text.length <= 253 && DNS_SUBDOMAIN.test(text)
    ? valid(text)
    : invalid('Use the name of an object: lower-case letters, digits, dashes and dots, at most 253 of them.');
}
