/** Most times that are written are of the same second as the one before. */
let last = { second: Number.NaN, text: '' };

/** RFC 3339 in UTC with whole seconds, rounded down, as the API server writes times. */
export function formatTime(timeMs: number): string {
  const second = Math.floor(timeMs / 1000);
  if (second !== last.second) last = { second, text: new Date(second * 1000).toISOString().replace('.000Z', 'Z') };
  return last.text;
}

const RFC_3339 = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)$/;

export interface Timestamp {
  /** Since the epoch. */
  readonly seconds: number;
  readonly nanos: number;
}

/** Seconds and nanoseconds of an RFC 3339 time; undefined when malformed. */
export function parseTime(text: string): Timestamp | undefined {
  const [, clock, fraction = '', zone] = RFC_3339.exec(text) ?? [];
  const timeMs = Date.parse(`${clock}${zone}`);
  if (Number.isNaN(timeMs)) return undefined;
  return { seconds: timeMs / 1000, nanos: Number(fraction.padEnd(9, '0')) };
}
