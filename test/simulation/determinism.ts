import { runSeed } from './run.ts';
import type { Overrides } from './spec.ts';

/** Runs a seed twice; '' when both runs are the same, else where they differ first. */
export function firstDifference(seed: number, overrides: Overrides = {}): string {
  const hash = runSeed(seed, overrides).hash;
  if (runSeed(seed, overrides).hash === hash) return '';
  const [left, right] = [runSeed(seed, overrides, true).lines, runSeed(seed, overrides, true).lines];
  const index = left.findIndex((line, at) => line !== right[at]);
  if (index < 0 && left.length === right.length) return 'only without a recording: two more runs were the same';
  const at = index < 0 ? Math.min(left.length, right.length) : index;
  return `line ${at + 1}\n  ${left[at] ?? '(ends here)'}\n  ${right[at] ?? '(ends here)'}`;
}
