import { parseJson } from '../kube/json-object.ts';
import { clipLine } from '../kube/one-line.ts';
import { type ControllerReport, type ParsedReport, parseControllerReport } from './controller-report.ts';

/** It is written every ten seconds while a rollout goes on, so it must stay small. */
export const NOTE_BYTES_MAX = 8 * 1024;
const NOTE_VERSION = 1;
const ROLLOUTS_MAX = 30;
const DECISIONS_MAX = 5;
/** Kinds of refusals that are told of a rollout, and nodes of each. */
const REFUSALS_MAX = 3;
const REFUSED_NODES_MAX = 3;

/** What is told of a rollout; `inFlight` and `waiting` say whether it goes on. */
export type NotedRollout = ControllerReport['rollouts'][number] & {
  readonly inFlight: number;
  readonly waiting: number;
};

export type NotedReport = Omit<ControllerReport, 'rollouts' | 'rolloutsLeftOut' | 'isLeading'> & {
  readonly rollouts: readonly NotedRollout[];
};

/**
 * The report as JSON of at most `NOTE_BYTES_MAX` bytes: rollouts that go on or are blocked first, as many as fit, then a count.
 * A missing right hits them all, so what was refused in so many words is told of those that there still is room for.
 */
export function encodeNote(report: NotedReport): string {
  const { identity, workers, lanes } = report;
  const paced = report.rollouts.filter(isToldOf).sort(byNeed);
  const note = (rollouts: readonly object[]): string =>
    JSON.stringify({
      v: NOTE_VERSION,
      identity,
      workers: { ...workers, decisions: workers.decisions.slice(-DECISIONS_MAX) },
      lanes: lanes.map(shortLane),
      rollouts,
      rolloutsLeftOut: paced.length - rollouts.length,
    });
  const told = paced.slice(0, ROLLOUTS_MAX).map(shortRollout);
  while (told.length > 0 && !fits(note(told))) told.pop();
  for (const [index, short] of told.entries()) {
    const refusals = paced[index]?.refusals ?? [];
    if (refusals.length === 0) continue;
    told[index] = { ...short, refusals: shortRefusals(refusals) };
    if (!fits(note(told))) told[index] = short;
  }
  return note(told);
}

/** Figures that move though nothing is done: spans of time, whatever they are of. */
const MOVING = /(?:Ms|Seconds)$/;
/** Texts with such figures in them. */
const SENTENCES: ReadonlySet<string> = new Set(['reason', 'blocked', 'message']);

/** What has to differ before the note is written again. What moves by itself is written along, and never the reason. */
export function essenceOf(note: string): string {
  return JSON.stringify(JSON.parse(note), (key, value: unknown) => {
    if (MOVING.test(key)) return undefined;
    if (typeof value === 'number' && key === 'utilization') return round(value, 1);
    if (typeof value === 'number' && key === 'ratePerSecond') return Number(value.toPrecision(2));
    if (typeof value === 'string' && SENTENCES.has(key)) return value.replaceAll(/\d+(?:\.\d+)?/g, '#');
    return value;
  });
}

function fits(note: string): boolean {
  return Buffer.byteLength(note) <= NOTE_BYTES_MAX;
}

/** Reads what the `holder` of the lease told. Undefined text: there is none. */
export function decodeNote(text: string | undefined, holder: string): ParsedReport {
  if (text === undefined)
    return {
      ok: false,
      message: 'it says nothing about itself: it has just begun, may not write what it says, or is of an older version',
    };
  if (Buffer.byteLength(text) > 2 * NOTE_BYTES_MAX) return { ok: false, message: 'what it says is too long' };
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null) return { ok: false, message: 'what it says is not JSON' };
  const { v } = value as { readonly v?: unknown };
  if (v !== NOTE_VERSION) {
    return { ok: false, message: 'what it says is of another version; use the status command of that version' };
  }
  const parsed = parseControllerReport({ ...value, isLeading: true });
  if (!parsed.ok) return { ok: false, message: `what it says cannot be read: ${parsed.message}` };
  // A leader that may not write it, or has just begun, leaves what the one before it told.
  if (parsed.report.identity !== holder) return { ok: false, message: 'what it says was said by an earlier leader' };
  return parsed;
}

/** Under OTA there is no pace, so only what stops it. */
function isToldOf({ strategy, blocked, refused = 0 }: NotedRollout): boolean {
  return strategy !== 'OTA' || blocked !== undefined || refused > 0;
}

function byNeed(a: NotedRollout, b: NotedRollout): number {
  const needs = ({ inFlight, waiting, blocked }: NotedRollout): number =>
    inFlight + waiting > 0 || blocked !== undefined ? 0 : 1;
  return needs(a) - needs(b) || (a.daemonSet < b.daemonSet ? -1 : 1);
}

function shortLane({ lane, tasks, queued, utilization }: NotedReport['lanes'][number]): object {
  return { lane, tasks, queued, utilization: round(utilization, 2) };
}

function shortRollout(rollout: NotedRollout): object {
  const { daemonSet, strategy, allowed, blocked, blockedBy, isPaused, refused, repeated, failures, pace } = rollout;
  const { heldBy, maxInFlightPerDaemonSet, maxInFlight } = rollout;
  const { phase, window, reason, ratePerSecond, undisturbedMs } = pace;
  return {
    daemonSet,
    ...(strategy === 'OTA' ? { strategy } : {}),
    allowed,
    ...(blocked === undefined ? {} : { blocked: clipLine(blocked, 200) }),
    ...(blockedBy === undefined ? {} : { blockedBy }),
    ...(isPaused === true ? { isPaused } : {}),
    ...(heldBy === undefined ? {} : { heldBy }),
    ...(maxInFlightPerDaemonSet === undefined ? {} : { maxInFlightPerDaemonSet }),
    ...(maxInFlight === undefined ? {} : { maxInFlight }),
    ...(refused === undefined || refused === 0 ? {} : { refused }),
    ...(repeated === undefined || repeated === 0 ? {} : { repeated }),
    ...(failures === undefined || Object.keys(failures).length === 0 ? {} : { failures }),
    pace: {
      phase,
      window,
      reason: clipLine(reason, 200),
      ratePerSecond: round(ratePerSecond, 2),
      ...(undisturbedMs === undefined ? {} : { undisturbedMs: round(undisturbedMs, 0) }),
    },
  };
}

function shortRefusals(refusals: NonNullable<NotedRollout['refusals']>): object[] {
  return refusals.slice(0, REFUSALS_MAX).map(({ nodes, message, ...refusal }) => {
    return { ...refusal, nodes: nodes.slice(0, REFUSED_NODES_MAX), message: clipLine(message, 200) };
  });
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
