import type { ViewSnapshot } from './snapshot.ts';
import { formatCount, formatElapsed, formatRate } from './text.ts';
import { doneRatio, doneWord, END_WORDS, formatPercent, outlook, skippedCount } from './words.ts';

/** One line for a log or a pipe, without colours. */
export function renderPlain(snapshot: ViewSnapshot): string {
  const { eligible, updated, inFlight, waiting, failed, budget, rate } = snapshot;
  const parts = [
    `${formatElapsed(snapshot.elapsedMs)}  ${formatCount(updated)} of ${formatCount(eligible)} ${doneWord(snapshot)} (${formatPercent(doneRatio(snapshot))})`,
    `${formatCount(inFlight)} in flight`,
    `${formatCount(waiting)} waiting`,
  ];
  if (skippedCount(snapshot) > 0) {
    const reasons = snapshot.skipped.filter(({ count }) => count > 0);
    parts.push(`skipped: ${reasons.map(({ reason, count }) => `${formatCount(count)} ${reason}`).join(', ')}`);
  }
  parts.push(`${formatCount(failed)} failed`);
  if (budget !== undefined) {
    parts.push(
      `${formatCount(budget.used)} of ${formatCount(budget.allowed)} unavailable (at worst ${formatCount(budget.peak)})`,
    );
    if (budget.others > 0) parts.push(`${formatCount(budget.others)} more on nodes that came back`);
  }
  if (snapshot.phase === 'rolling') parts.push(formatRate(rate.now), outlook(snapshot));
  else parts.push(END_WORDS[snapshot.phase]);
  return parts.filter((part) => part !== '').join(', ');
}
