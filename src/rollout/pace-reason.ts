import type { PaceStatus } from './pace.ts';

export interface PaceFigures extends Omit<PaceStatus, 'reason'> {
  readonly budget: number;
  /** Of the last replacements. */
  readonly replacementMs: number | undefined;
  /** Since one became available. */
  readonly silentMs: number;
}

/** The window in words, such as `47 of 200: 57 pods/s come back, 0.74 s each (0.40 s when none waits)`. */
export function paceReason(figures: PaceFigures): string {
  const { window, budget, phase, replacementMs, silentMs, ratePerSecond } = figures;
  const isWhole = window >= budget;
  const size = isWhole ? `the whole budget of ${budget}` : `${window} of ${budget}`;
  switch (phase) {
    case 'idle':
      return 'nothing is in flight';
    case 'stalled':
      return `${size}: nothing came back lately${isWhole ? '' : '; one more is tried now and then'}`;
    case 'max':
    case 'starting':
    case 'steady':
      if (replacementMs === undefined) {
        return `${size}: ${isWhole ? 'nothing has come back yet' : 'the window opens until pods have to wait for each other'}`;
      }
      if (ratePerSecond === 0) {
        return `${size}: nothing has come back for ${Math.round(silentMs / 1000)} s, before that ${seconds(replacementMs)} each`;
      }
      return `${size}: ${rate(ratePerSecond)} come back, ${seconds(replacementMs)} each${undisturbed(figures)}`;
  }
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
