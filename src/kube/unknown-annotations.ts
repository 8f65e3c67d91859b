import { KNOWN_ANNOTATIONS, OWN_PREFIX, POLICY_ANNOTATIONS, type PolicyProblem } from './annotations.ts';
import { clipLine } from './one-line.ts';

/** Whoever may write annotations may write thousands: so many are named, the others counted. */
const NAMED_MAX = 5;
/** Of names under other prefixes so many are compared with those that are known. */
const COMPARED_MAX = 200;
/** Letters by which a prefix may be another one and still be meant for one of ours. */
const PREFIX_DISTANCE_MAX = 2;
const NAME_LENGTH_MAX = 64;

interface Known {
  readonly annotation: string;
  readonly prefix: string;
  readonly name: string;
}

const KNOWN: readonly Known[] = POLICY_ANNOTATIONS.map((annotation) => ({ annotation, ...partsOf(annotation) }));
const PREFIXES = [...new Set(KNOWN.map(({ prefix }) => prefix))];

/**
 * Annotations that nobody reads though somebody may rely on them: unknown ones under this program's prefix, and those under
 * another one that look like a slip of the pen. Each with the nearest one that is known; in the order given.
 */
export function unknownAnnotations(annotations: Readonly<Record<string, string>>): readonly PolicyProblem[] {
  const problems: PolicyProblem[] = [];
  let leftOutCount = 0;
  let comparedCount = 0;
  for (const annotation of Object.keys(annotations)) {
    if (KNOWN_ANNOTATIONS.has(annotation)) continue;
    const parts = partsOf(annotation.toLowerCase());
    if (parts.prefix !== OWN_PREFIX) {
      if (comparedCount === COMPARED_MAX || !PREFIXES.some((ours) => hasLengthOf(parts.prefix, ours))) continue;
      comparedCount += 1;
      if (!isSlip(parts)) continue;
    }
    if (problems.length < NAMED_MAX) problems.push(problemOf(annotation, annotations[annotation] ?? ''));
    else leftOutCount += 1;
  }
  if (leftOutCount > 0) {
    const message = `${leftOutCount} more are not known and have no effect`;
    problems.push({ code: 'unknown', annotation: `${OWN_PREFIX}/…`, value: '', message });
  }
  return problems;
}

function problemOf(annotation: string, value: string): PolicyProblem {
  const name = partsOf(annotation.toLowerCase()).name.slice(0, NAME_LENGTH_MAX);
  let nearest = KNOWN[0];
  for (const known of KNOWN) {
    if (nearest === undefined || distanceOf(name, known.name) < distanceOf(name, nearest.name)) nearest = known;
  }
  const hint =
    nearest !== undefined && isNear(name, nearest.name)
      ? `did you mean ${nearest.annotation}?`
      : `the nearest one that is known is ${nearest?.annotation}`;
  const message = `it is not known and has no effect; ${hint}`;
  return { code: 'unknown', annotation: clipLine(annotation, 100), value: clipLine(value, 60), message };
}

function partsOf(annotation: string): { readonly prefix: string; readonly name: string } {
  const slash = annotation.indexOf('/');
  return { prefix: annotation.slice(0, Math.max(0, slash)), name: annotation.slice(slash + 1) };
}

function hasLengthOf(prefix: string, ours: string): boolean {
  return Math.abs(prefix.length - ours.length) <= PREFIX_DISTANCE_MAX;
}

/** Prefix and name are both as good as known. */
function isSlip({ prefix, name }: Omit<Known, 'annotation'>): boolean {
  const isOurs = (ours: string) => hasLengthOf(prefix, ours) && editDistance(prefix, ours) <= PREFIX_DISTANCE_MAX;
  return PREFIXES.some(isOurs) && KNOWN.some((known) => isNear(name, known.name));
}

/** A quarter of the letters may differ. */
function isNear(name: string, known: string): boolean {
  return name.length <= NAME_LENGTH_MAX && distanceOf(name, known) <= Math.max(1, Math.floor(known.length / 4));
}

/** One that was cut short, or goes on, is as near as a single letter. */
function distanceOf(name: string, known: string): number {
  if (name.length >= 4 && name !== known && (known.startsWith(name) || name.startsWith(known))) return 1;
  return editDistance(name, known);
}

/** Letters to be put in, taken out, changed, or swapped with the next one. */
function editDistance(left: string, right: string): number {
  let before: number[] = [];
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= right.length; j += 1) {
      const isSame = left[i - 1] === right[j - 1];
      const isSwapped = i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1];
      const change = (row[j - 1] ?? 0) + (isSame ? 0 : 1);
      const swap = isSwapped ? (before[j - 2] ?? 0) + 1 : change;
      next.push(Math.min(change, swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    before = row;
    row = next;
  }
  return row[right.length] ?? 0;
}
