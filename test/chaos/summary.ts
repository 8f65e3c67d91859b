/** What one fault was, and how long it took until things went on. */
export interface Recovery {
  readonly what: string;
  readonly recoveryMs: number;
}

export interface SummaryRow {
  readonly scenario: string;
  /** What was done, and how often. */
  readonly faults: string;
  readonly tookMs: number;
  /** As observed, each once. */
  readonly deletedPods: number;
  readonly duplicates: number;
  /** To writes, by status: refusals, and what the API server could not tell any more. */
  readonly otherAnswers: string;
  /** Nodes without an available pod right after a deletion, the most at one time, and how many were allowed. */
  readonly peak: number;
  readonly allowed: number;
  readonly recoveries: readonly Recovery[];
  readonly notes: readonly string[];
}

/** Collects what happened in each scenario, for one table at the end. */
export class Summary {
  readonly #rows: SummaryRow[] = [];

  add(row: SummaryRow): void {
    this.#rows.push(row);
  }

  /** A line a scenario; below, what each of them adds. */
  format(): string {
    const lines = this.#rows.map((row) => [
      row.scenario,
      row.faults,
      seconds(row.tookMs),
      `${row.deletedPods}`,
      `${row.duplicates}`,
      row.otherAnswers,
      `${row.peak} of ${row.allowed}`,
      longestOf(row.recoveries),
    ]);
    const details = this.#rows.map(({ scenario, recoveries, notes }) =>
      [`${scenario}:`, ...recoveriesOf(recoveries), ...notes].join('\n  '),
    );
    return [...aligned([COLUMNS, ...lines]), '', ...details].join('\n');
  }
}

const COLUMNS = [
  'scenario',
  'faults',
  'rollout took',
  'pods deleted',
  'twice',
  'not accepted',
  'unavailable',
  'longest recovery',
];

function longestOf(recoveries: readonly Recovery[]): string {
  return recoveries.length === 0 ? '-' : seconds(Math.max(...recoveries.map(({ recoveryMs }) => recoveryMs)));
}

/** The same kind of fault many times is shown as its shortest, middle and longest recovery. */
function recoveriesOf(recoveries: readonly Recovery[]): string[] {
  const kinds = Map.groupBy(recoveries, ({ what }) => what);
  return [...kinds].map(([what, all]) => {
    const sorted = all.map(({ recoveryMs }) => recoveryMs).sort((a, b) => a - b);
    const at = (share: number) => seconds(sorted[Math.floor((sorted.length - 1) * share)] ?? 0);
    return sorted.length === 1
      ? `${what}: recovered after ${at(0)}`
      : `${what}: recovered ${sorted.length} times, after ${at(0)} to ${at(1)}, half of them within ${at(0.5)}`;
  });
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
