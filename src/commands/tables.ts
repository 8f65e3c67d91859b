import stringWidth from 'string-width';
import { wrapWords } from './view/text.ts';

/** Tables for people, as kubectl prints them: columns two spaces apart, as wide as their widest cell. */

export interface PlanRow {
  readonly node: string;
  /** '' when there is none. */
  readonly pod: string;
  readonly revision: string;
  /** A word: `current`, `next`, `waiting`, `skipped` … Rows are grouped by it and by the reason. */
  readonly state: string;
  /** Without the pod's name, so that nodes that wait for the same are one group. */
  readonly reason: string;
}

export interface StatusRow {
  readonly namespace: string;
  readonly name: string;
  readonly strategy: string;
  readonly revision: string;
  readonly eligible: number;
  readonly updated: number;
  readonly available: number;
  readonly unavailable: number;
  /** How many may be unavailable; undefined under OTA, which takes nothing down. */
  readonly allowed: number | undefined;
  /** Whatever their pods are. */
  readonly notReady: number;
  readonly failed: number;
  readonly state: string;
}

const GAP = '  ';
/** Rows of one group that are shown. */
const GROUP_ROWS_MAX = 20;
const STATUS_ROWS_MAX = 200;

/** Cells as they are, numbers to the right. Nothing after the last cell of a line. */
export function formatTable(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] {
  const widths = header.map((title, column) =>
    rows.reduce((width, row) => Math.max(width, stringWidth(String(row[column] ?? ''))), stringWidth(title)),
  );
  const isNumber = header.map((_, column) => rows.length > 0 && rows.every((row) => typeof row[column] === 'number'));
  const format = (row: readonly (string | number)[]): string =>
    row
      .map((cell, column) => pad(String(cell), widths[column] ?? 0, isNumber[column] ?? false))
      .join(GAP)
      .trimEnd();
  return [format(header), ...rows.map(format)];
}

export interface Table {
  readonly header: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
  /** Titles of the columns that a narrow terminal can do without, the first first. */
  readonly spare?: readonly string[];
}

/** In lines of so many characters, if it can be: without the spare columns; and if that does not do, with the last cell of each row below it. */
export function fitTable(table: Table, widthMax: number): string[] {
  const spare = table.spare ?? [];
  const narrower = [table, ...spare.map((_, index) => without(table, spare.slice(0, index + 1)))];
  const forms = [...narrower.map(({ header, rows }) => formatTable(header, rows)), ...narrower.map(fold)];
  const fits = (lines: readonly string[]): boolean => lines.every((line) => stringWidth(line) <= widthMax);
  return forms.find(fits) ?? forms.at(-1) ?? [];

  function fold({ header, rows }: Table): string[] {
    const cells = rows.map((row) => row.slice(0, -1));
    const [titles = '', ...lines] = formatTable(header.slice(0, -1), cells);
    const below = (row: number): string[] => wrapWords(String(rows[row]?.at(-1) ?? ''), widthMax - GAP.length);
    return [titles, ...lines.flatMap((line, row) => [line, ...below(row).map((words) => GAP + words)])];
  }
}

function without({ header, rows }: Table, titles: readonly string[]): Table {
  const isKept = (_: unknown, column: number): boolean => !titles.includes(header[column] ?? '');
  return { header: header.filter(isKept), rows: rows.map((row) => row.filter(isKept)) };
}

/**
 * What each node's pod waits for: a summary with counts, then the rows, grouped by state and reason, largest group last so that it is
 * the one that scrolls away. Long groups are cut.
 */
export function planTable(rows: readonly PlanRow[]): string[] {
  if (rows.length === 0) return ['No node should run this DaemonSet.'];
  const groups = groupsOf(rows);
  const summary = formatTable(
    ['NODES', 'STATE', 'REASON'],
    groups.map((group) => [group.length, group[0].state, reasonOf(group)]),
  );
  const shown = groups.flatMap((group) => group.slice(0, GROUP_ROWS_MAX));
  const cells = (row: PlanRow) => [
    row.node,
    row.pod === '' ? '-' : row.pod,
    row.revision === '' ? '-' : row.revision,
    row.state,
    row.reason,
  ];
  const [header = '', ...lines] = formatTable(['NODE', 'POD', 'REVISION', 'STATE', 'REASON'], shown.map(cells));
  const details: string[] = [header];
  for (const group of groups) {
    details.push(...lines.splice(0, Math.min(group.length, GROUP_ROWS_MAX)));
    if (group.length > GROUP_ROWS_MAX) details.push(more(group.length - GROUP_ROWS_MAX));
  }
  return [...summary, '', ...details];
}

export function statusTable(rows: readonly StatusRow[], widthMax = Number.POSITIVE_INFINITY): string[] {
  const header = ['NAMESPACE', 'NAME', 'STRATEGY', 'REVISION', 'NODES', 'UPDATED', 'AVAILABLE', 'UNAVAILABLE'];
  const shown = rows
    .slice(0, STATUS_ROWS_MAX)
    .map((row) => [
      ...[row.namespace, row.name, row.strategy, row.revision, row.eligible, row.updated, row.available],
      row.allowed === undefined ? `${row.unavailable}` : `${row.unavailable} of max ${row.allowed}`,
      ...[row.notReady, row.failed, row.state],
    ]);
  // What is left tells whether it goes on.
  const spare = ['STRATEGY', 'AVAILABLE', 'REVISION', 'NOTREADY'];
  const lines = fitTable({ header: [...header, 'NOTREADY', 'FAILED', 'STATE'], rows: shown, spare }, widthMax);
  return rows.length > STATUS_ROWS_MAX ? [...lines, more(rows.length - STATUS_ROWS_MAX)] : lines;
}

type Group = readonly [PlanRow, ...PlanRow[]];

/** In the order given within a group; small groups first, since they hold what is unusual. */
function groupsOf(rows: readonly PlanRow[]): Group[] {
  const groups = new Map<string, [PlanRow, ...PlanRow[]]>();
  for (const row of rows) {
    const key = `${row.state}\n${withoutTimes(row.reason)}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return [...groups.values()].sort((a, b) => a.length - b.length);
}

/** How long each node has taken already, and what its kubelet says in detail, differ from node to node; the reason does not. */
function withoutTimes(reason: string): string {
  return reason.replace(/ \(\d+ s, [^)]*\)/g, '').replace(/, as the kubelet says: "[^"]*"/g, '');
}

function reasonOf([first, ...others]: Group): string {
  return others.every(({ reason }) => reason === first.reason) ? first.reason : withoutTimes(first.reason);
}

/** Where the rest is. */
export function more(count: number, where = '--output json shows all'): string {
  return `… and ${count.toLocaleString('en-US')} more, ${where}`;
}

function pad(text: string, width: number, isNumber: boolean): string {
  const blanks = ' '.repeat(Math.max(0, width - stringWidth(text)));
  return isNumber ? blanks + text : text + blanks;
}
