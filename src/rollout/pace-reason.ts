import { failedWords, type PaceStatus, type PaceUse } from './pace.ts';

export interface PaceFigures extends Omit<PaceStatus, 'reason'> {
  readonly use: PaceUse;
  /** Of the last replacements. */
  readonly replacementMs: number | undefined;
  /** Since one became available. */
  readonly silentMs: number;
}

/** The window in words, such as `47 of 200: 57 pods/s come back, 0.74 s each (0.40 s when none waits)`. */
export function paceReason(figures: PaceFigures): string {
  const { window, use, phase } = figures;
  if (phase === 'idle') return `nothing is in flight${failedWords(use)}`;
  const isWhole = window >= use.budget;
  const size = isWhole ? `the whole budget of ${use.budget}` : `${window} of ${use.budget}`;
  // It stands at the next place beyond the window, or has just been given it.
  const isTrying = phase === 'stalled' && !isWhole && use.waiting > 0 && use.inFlight + 1 >= window;
  const trying = isTrying ? '; one more is tried now and then' : '';
  return `${size}: ${whatComesBack(figures, isWhole)}${trying}${failedWords(use)}`;
}

function whatComesBack(figures: PaceFigures, isWhole: boolean): string {
  const { phase, replacementMs, silentMs, ratePerSecond } = figures;
  const isStalled = phase === 'stalled';
  if (replacementMs === undefined) {
    if (isStalled || isWhole) return 'nothing has come back yet';
    return 'the window opens until pods have to wait for each other';
  }
  if (isStalled || ratePerSecond === 0) {
    return `nothing has come back for ${Math.round(silentMs / 1000)} s, before that ${seconds(replacementMs)} each`;
  }
  return `${rate(ratePerSecond)} come back, ${seconds(replacementMs)} each${undisturbed(figures)}`;
}

function undisturbed({ undisturbedMs }: PaceFigures): string {
  return undisturbedMs === undefined ? '' : ` (${seconds(undisturbedMs)} when none waits)`;
}

function rate(perSecond: number): string {
  return `${perSecond.toFixed(perSecond < 10 ? 1 : 0)} pods/s`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 9950 ? 2 : 0)} s`;
}
