import { type IntOrPercent, parseIntOrPercent } from './int-or-percent.ts';
import { clipLine } from './one-line.ts';
import type { DaemonSetRecord } from './records.ts';

export const UPDATE_STRATEGY_ANNOTATION = 'apps.openyurt.io/update-strategy';
const MAX_UNAVAILABLE_ANNOTATION = 'apps.openyurt.io/max-unavailable';
const PACE_ANNOTATION = 'daemonpodupdater.io/pace';
const PROGRESS_DEADLINE_ANNOTATION = 'daemonpodupdater.io/progress-deadline-seconds';
const CORDONED_ANNOTATION = 'daemonpodupdater.io/cordoned';
const FORCE_DELETE_STUCK_ANNOTATION = 'daemonpodupdater.io/force-delete-stuck';
export const PAUSED_ANNOTATION = 'daemonpodupdater.io/paused';
/** On the election's lease: in it leaders of earlier versions told how they stand. What is left of it would be stored anew with each renewal. */
export const FORMER_NOTE_ANNOTATION = 'daemonpodupdater.io/status';
/** Written by Kubernetes; pods carry the same number in the label `pod-template-generation`. */
export const TEMPLATE_GENERATION_ANNOTATION = 'deprecated.daemonset.template.generation';

/** Every annotation that `parseUpdatePolicy` reads. */
export const POLICY_ANNOTATIONS = [
  UPDATE_STRATEGY_ANNOTATION,
  MAX_UNAVAILABLE_ANNOTATION,
  PACE_ANNOTATION,
  PROGRESS_DEADLINE_ANNOTATION,
  FORCE_DELETE_STUCK_ANNOTATION,
  PAUSED_ANNOTATION,
  CORDONED_ANNOTATION,
] as const;

/** … and what else of ours there is; any other one under our prefix is a mistake (unknown-annotations.ts). */
export const KNOWN_ANNOTATIONS: ReadonlySet<string> = new Set([...POLICY_ANNOTATIONS, FORMER_NOTE_ANNOTATION]);
export const OWN_PREFIX = 'daemonpodupdater.io';

export type UpdateStrategy = 'AdvancedRollingUpdate' | 'OTA';

/** How a DaemonSet wants to be updated. The planner does not care where it was read from. */
export interface UpdatePolicy {
  readonly strategy: UpdateStrategy;
  readonly maxUnavailable: IntOrPercent;
  readonly pace: 'adaptive' | 'max';
  readonly progressDeadlineSeconds: number;
  readonly isForceDeleteStuck: boolean;
  /** Nothing new begins; what is in flight is settled. */
  readonly isPaused: boolean;
  /** Cordoned nodes are not updated. */
  readonly skipsCordoned: boolean;
}

/** An annotation that does not do what its writer may think: mostly a value in whose place the default is used. */
export interface PolicyProblem {
  readonly code: 'malformed' | 'negative' | 'over-100-percent' | 'out-of-range' | 'zero' | 'unknown';
  readonly annotation: string;
  readonly value: string;
  readonly message: string;
}

export type RefusalCode = 'not-on-delete' | 'unknown-strategy';

export type PolicyResult =
  | { readonly kind: 'policy'; readonly policy: UpdatePolicy; readonly problems: readonly PolicyProblem[] }
  | { readonly kind: 'not-opted-in' }
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly message: string };

const MAX_UNAVAILABLE_DEFAULT: IntOrPercent = { unit: 'percent', value: 10 };
const PROGRESS_DEADLINE_DEFAULT_SECONDS = 600;
/** 30 days: beyond that a deadline is none. */
const PROGRESS_DEADLINE_MAX_SECONDS = 30 * 24 * 3600;

const STRATEGIES: Readonly<Record<string, UpdateStrategy>> = {
  advancedrollingupdate: 'AdvancedRollingUpdate',
  // AdvancedRollingUpdate's name in OpenYurt 1.1.
  auto: 'AdvancedRollingUpdate',
  ota: 'OTA',
};

/**
 * Reads the update policy of a DaemonSet.
 *
 * Only `OnDelete` DaemonSets with a known strategy get one. A `max-unavailable` that is zero, malformed, negative, or over
 * 100 % is reported in `problems` and the default is used, 10 %, as OpenYurt does; zero too, since it holds nothing. So are
 * malformed values of the other annotations. Source: openyurt pkg/yurtmanager/controller/daemonsetupgradestrategy.
 */
export function parseUpdatePolicy(
  daemonSet: Pick<DaemonSetRecord, 'annotations' | 'updateStrategyType'>,
): PolicyResult {
  const value = annotationOf(daemonSet.annotations, UPDATE_STRATEGY_ANNOTATION);
  if (value === undefined) return { kind: 'not-opted-in' };
  const name = value.toLowerCase();
  const strategy = Object.hasOwn(STRATEGIES, name) ? STRATEGIES[name] : undefined;
  if (strategy === undefined) {
    const message = `annotation ${UPDATE_STRATEGY_ANNOTATION} is "${clip(value)}"; use OTA or AdvancedRollingUpdate`;
    return { kind: 'refused', code: 'unknown-strategy', message };
  }
  if (daemonSet.updateStrategyType !== 'OnDelete') {
    const message = `spec.updateStrategy.type is "${clip(daemonSet.updateStrategyType)}"; set it to OnDelete`;
    return { kind: 'refused', code: 'not-on-delete', message };
  }
  const problems: PolicyProblem[] = [];
  const reader: Reader = { annotations: daemonSet.annotations, problems };
  const policy: UpdatePolicy = {
    strategy,
    maxUnavailable: readMaxUnavailable(reader),
    pace: readChoice(reader, PACE_ANNOTATION, ['adaptive', 'max']),
    progressDeadlineSeconds: readProgressDeadline(reader),
    isForceDeleteStuck: readChoice(reader, FORCE_DELETE_STUCK_ANNOTATION, ['false', 'true']) === 'true',
    isPaused: readPaused(reader),
    skipsCordoned: readChoice(reader, CORDONED_ANNOTATION, ['update', 'skip']) === 'skip',
  };
  return { kind: 'policy', policy, problems };
}

interface Reader {
  readonly annotations: Readonly<Record<string, string>>;
  readonly problems: PolicyProblem[];
}

function readMaxUnavailable({ annotations, problems }: Reader): IntOrPercent {
  const value = annotationOf(annotations, MAX_UNAVAILABLE_ANNOTATION);
  if (value === undefined) return MAX_UNAVAILABLE_DEFAULT;
  const result = parseIntOrPercent(value);
  if (result.ok && result.value.value !== 0) return result.value;
  const code = result.ok ? 'zero' : result.code;
  const message = result.ok
    ? `"${clip(value)}" does not hold the rollout, 10% is used; to hold it, set ${PAUSED_ANNOTATION} to "true"`
    : `${result.message}; 10% is used`;
  problems.push({ code, annotation: MAX_UNAVAILABLE_ANNOTATION, value: clip(value), message });
  return MAX_UNAVAILABLE_DEFAULT;
}

function readProgressDeadline({ annotations, problems }: Reader): number {
  const annotation = PROGRESS_DEADLINE_ANNOTATION;
  const value = annotationOf(annotations, annotation);
  if (value === undefined) return PROGRESS_DEADLINE_DEFAULT_SECONDS;
  const seconds = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (seconds >= 1 && seconds <= PROGRESS_DEADLINE_MAX_SECONDS) return seconds;
  const wanted = `a whole number of seconds from 1 to ${PROGRESS_DEADLINE_MAX_SECONDS}`;
  const message = `"${clip(value)}" is not ${wanted}; ${PROGRESS_DEADLINE_DEFAULT_SECONDS} is used`;
  problems.push({
    code: Number.isNaN(seconds) ? 'malformed' : 'out-of-range',
    annotation,
    value: clip(value),
    message,
  });
  return PROGRESS_DEADLINE_DEFAULT_SECONDS;
}

/** Whoever sets it at all means to hold the rollout, so what cannot be understood does: a pause too many costs time, one too few costs pods. */
function readPaused({ annotations, problems }: Reader): boolean {
  const value = annotationOf(annotations, PAUSED_ANNOTATION);
  if (value === undefined || value === 'false') return false;
  if (value === 'true') return true;
  const message = `"${clip(value)}" is neither true nor false; the rollout is paused, to be safe`;
  problems.push({ code: 'malformed', annotation: PAUSED_ANNOTATION, value: clip(value), message });
  return true;
}

/** One of two words; the first is the default. */
function readChoice<T extends string>({ annotations, problems }: Reader, annotation: string, choices: [T, T]): T {
  const value = annotationOf(annotations, annotation);
  const [preset, other] = choices;
  if (value === undefined || value === preset) return preset;
  if (value === other) return other;
  const message = `"${clip(value)}" is neither ${preset} nor ${other}; ${preset} is used`;
  problems.push({ code: 'malformed', annotation, value: clip(value), message });
  return preset;
}

function annotationOf(annotations: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(annotations, name) ? annotations[name] : undefined;
}

function clip(text: string): string {
  return clipLine(text, 60);
}
