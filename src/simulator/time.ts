const DAY_MS = 86_400_000;
const ERA_DAYS = 146_097;
/** From 0000-03-01 to 1970-01-01. */
const EPOCH_DAYS = 719_468;

function padded(value: number, digits = 2): string {
  return String(value).padStart(digits, '0');
}

/** Year, month and day of a number of days since the epoch, in the proleptic Gregorian calendar. */
function civilDate(days: number): { year: number; month: number; day: number } {
  const shifted = days + EPOCH_DAYS;
  const era = Math.floor(shifted / ERA_DAYS);
  const dayOfEra = shifted - era * ERA_DAYS;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}

/** Most times that are written are of the same second as the one before. */
let last = { second: Number.NaN, text: '' };

/** RFC 3339 in UTC with whole seconds, rounded down, as the API server writes times. */
export function formatTime(timeMs: number): string {
  const second = Math.floor(timeMs / 1000);
  if (second !== last.second) last = { second, text: format(timeMs) };
  return last.text;
}

function format(timeMs: number): string {
  const days = Math.floor(timeMs / DAY_MS);
  const seconds = Math.floor((timeMs - days * DAY_MS) / 1000);
  const { year, month, day } = civilDate(days);
  const clock = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60].map((part) => padded(part));
  return `${padded(year, 4)}-${padded(month)}-${padded(day)}T${clock.join(':')}Z`;
}

const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(?:Z|([+-])(\d\d):(\d\d))$/;

export interface Timestamp {
  /** Since the epoch. */
  readonly seconds: number;
  readonly nanos: number;
}

/** Seconds and nanoseconds of an RFC 3339 time; undefined when malformed. */
export function parseTime(text: string): Timestamp | undefined {
  const parts = RFC_3339.exec(text);
  if (parts === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(1, 7).map(Number);
  const offsetMinutes = Number(parts[9] ?? 0) * 60 + Number(parts[10] ?? 0);
  const shiftMinutes = parts[8] === '-' ? offsetMinutes : -offsetMinutes;
  const seconds = daysSinceEpoch(year, month, day) * 86_400 + hour * 3600 + (minute + shiftMinutes) * 60 + second;
  return { seconds, nanos: Number((parts[7] ?? '').padEnd(9, '0')) };
}

function daysSinceEpoch(year: number, month: number, day: number): number {
  const shiftedYear = month <= 2 ? year - 1 : year;
  const era = Math.floor(shiftedYear / 400);
  const yearOfEra = shiftedYear - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * ERA_DAYS + dayOfEra - EPOCH_DAYS;
}
