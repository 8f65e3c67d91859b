import type { LaneView, ViewOptions, ViewSnapshot } from './snapshot.ts';
import {
  bar,
  formatCount,
  formatElapsed,
  formatRate,
  type Line,
  renderLine,
  type Span,
  span,
  wrapWords,
} from './text.ts';
import { doneRatio, doneWord, END_WORDS, formatPercent, outlook, skippedCount, titleOf, unitOf } from './words.ts';

const LABEL_COLUMNS = 13;
/** More threads than this share a line for the rest. */
const LANES_SHOWN_MAX = 16;

/** One frame for a terminal. Its height changes only with the number of lanes and of reasons, so it does not jump. */
export function renderLive(snapshot: ViewSnapshot, options: ViewOptions): string[] {
  const width = options.width - 2;
  const lines: Line[] = [
    ...wrapWords(titleOf(snapshot), width).map((text) => [span(text, 'bold')]),
    [],
    progressLine(snapshot, width),
    [],
    ...countsLines(snapshot, width),
    ...skippedLines(snapshot),
    ...budgetLine(snapshot, width),
    speedLine(snapshot),
    [],
    ...laneLines(snapshot.lanes, width),
    [],
    timeLine(snapshot),
  ];
  return lines.map((line) => renderLine([span(' '), ...line], { ...options, width: options.width - 1 }));
}

function progressLine(snapshot: ViewSnapshot, width: number): Line {
  const { eligible, updated } = snapshot;
  const text = `  ${formatPercent(doneRatio(snapshot)).padStart(4)}   ${formatCount(updated)} of ${formatCount(eligible)} ${unitOf(snapshot)} ${doneWord(snapshot)}`;
  return [...bar(doneRatio(snapshot), barColumns(width, text.length), 'green'), span(text)];
}

function barColumns(width: number, textColumns: number): number {
  return Math.max(10, Math.min(60, width - textColumns));
}

/** On a narrow terminal two lines, so that large numbers are not cut. */
function countsLines(snapshot: ViewSnapshot, width: number): Line[] {
  const { updated, inFlight, waiting, failed } = snapshot;
  const count = (word: string, value: number, style: Span['style']): Line => [
    span(`${word} `, 'dim'),
    span(formatCount(value).padEnd(10), value > 0 ? style : 'dim'),
  ];
  const moving = [...count(doneWord(snapshot), updated, 'green'), ...count('in flight', inFlight, 'cyan')];
  const still = [...count('waiting', waiting, 'plain'), ...count('failed', failed, 'red')];
  return width < 80
    ? [
        [label(unitOf(snapshot)), ...moving],
        [label(''), ...still],
      ]
    : [[label(unitOf(snapshot)), ...moving, ...still]];
}

function skippedLines(snapshot: ViewSnapshot): Line[] {
  const total = skippedCount(snapshot);
  if (total === 0) return [[label('skipped'), span('none', 'dim')]];
  return snapshot.skipped
    .filter(({ count }) => count > 0)
    .map(({ reason, count }, index) => [
      label(index === 0 ? 'skipped' : ''),
      span(formatCount(count), 'yellow'),
      span(` ${reason}`),
    ]);
}

function budgetLine({ budget }: ViewSnapshot, width: number): Line[] {
  if (budget === undefined) return [];
  const { used, allowed, peak, others } = budget;
  const style = used > allowed ? 'red' : 'yellow';
  const text = `  ${formatCount(used)} of ${formatCount(allowed)} allowed, `;
  const peakText = `at worst ${formatCount(peak)}`;
  const columns = Math.min(24, barColumns(width, LABEL_COLUMNS + text.length + peakText.length));
  const ratio = allowed === 0 ? 0 : used / allowed;
  const line = [label('unavailable'), ...bar(ratio, columns, style), span(text)];
  line.push(span(peakText, peak > allowed ? 'red' : 'plain'));
  return others === 0 ? [line] : [line, [label(''), span(`${formatCount(others)} more on nodes that came back`)]];
}

function speedLine(snapshot: ViewSnapshot): Line {
  const { now, average } = snapshot.rate;
  const present = snapshot.phase === 'rolling' ? `${formatRate(now)} now, ` : '';
  return [label(`${unitOf(snapshot)} a sec.`), span(`${present}${formatRate(average)} on average`)];
}

function laneLines(lanes: readonly LaneView[], width: number): Line[] {
  const shown = lanes.slice(0, lanes.length > LANES_SHOWN_MAX ? LANES_SHOWN_MAX - 1 : LANES_SHOWN_MAX);
  const taskColumns = Math.max(1, ...shown.map(({ tasks }) => formatCount(tasks).length));
  const queueColumns = Math.max(1, ...shown.map(({ queued }) => formatCount(queued).length));
  const lines = shown.map(({ lane, tasks, queued, busyRatio }): Line => {
    const text = `${formatCount(tasks).padStart(taskColumns)} tasks  ${formatCount(queued).padStart(queueColumns)} queued  `;
    const busy = `${formatPercent(busyRatio).padStart(4)} busy`;
    const columns = Math.min(12, barColumns(width, LABEL_COLUMNS + text.length + busy.length));
    return [label(`thread ${lane}`), span(text), ...bar(busyRatio, columns, 'blue'), span(busy)];
  });
  const rest = lanes.slice(shown.length);
  if (rest.length === 0) return lines;
  const tasks = rest.reduce((sum, lane) => sum + lane.tasks, 0);
  return [...lines, [label('others'), span(`${formatCount(tasks)} tasks in ${rest.length} more threads`, 'dim')]];
}

function timeLine(snapshot: ViewSnapshot): Line {
  const elapsed = span(`${formatElapsed(snapshot.elapsedMs)} elapsed   `);
  const { phase } = snapshot;
  if (phase === 'rolling') return [elapsed, span(outlook(snapshot), 'dim')];
  return [elapsed, span(END_WORDS[phase], phase === 'completed' ? 'green' : 'red')];
}

function label(text: string): Span {
  return span(text.padEnd(LABEL_COLUMNS), 'dim');
}
