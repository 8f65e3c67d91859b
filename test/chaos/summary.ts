/** What one fault was, and how long it took until things went on. */
export interface Recovery {
  readonly what: string;
  readonly recoveryMs: number;
}

export interface SummaryRow {
  readonly scenario: string;
  readonly tookMs: number;
  readonly writes: number;
  readonly duplicates: number;
  readonly refused: string;
  /** Nodes without an available pod at one time, and how many were allowed. */
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

  format(): string {
    const lines = this.#rows.map((row) => [
      row.scenario,
      seconds(row.tookMs),
      `${row.writes}`,
      `${row.duplicates}`,
      row.refused,
      `${row.peak}/${row.allowed}`,
      recoveriesOf(row.recoveries),
    ]);
    const table = aligned([['scenario', 'took', 'writes', 'twice', 'refused', 'peak', 'recoveries'], ...lines]);
    const notes = this.#rows.flatMap(({ scenario, notes: texts }) => texts.map((text) => `${scenario}: ${text}`));
    return [...table, ...notes].join('\n');
  }
}

/** The same kind of fault many times is shown as its least, middle and longest recovery. */
function recoveriesOf(recoveries: readonly Recovery[]): string {
  const kinds = Map.groupBy(recoveries, ({ what }) => what);
  return [...kinds]
    .map(([what, all]) => {
      const sorted = all.map(({ recoveryMs }) => recoveryMs).sort((a, b) => a - b);
      const at = (share: number) => seconds(sorted[Math.floor((sorted.length - 1) * share)] ?? 0);
      return sorted.length === 1 ? `${what} ${at(0)}` : `${what} ×${sorted.length} ${at(0)} / ${at(0.5)} / ${at(1)}`;
    })
    .join('; ');
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
