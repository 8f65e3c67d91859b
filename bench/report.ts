import { availableParallelism, cpus } from 'node:os';

/** One line about where the figures were measured. */
export function machine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown CPU';
  return `${availableParallelism()} × ${model}, Node ${process.versions.node}`;
}

/** Rows with the same keys, as columns of equal width; the keys are the head. */
export function printTable(rows: readonly Readonly<Record<string, string>>[]): void {
  const heads = Object.keys(rows[0] ?? {});
  const widths = heads.map((head) => Math.max(head.length, ...rows.map((row) => row[head]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) => (index === 0 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0)))
      .join('  ');
  process.stdout.write(`${line(heads.map((head) => head.trim()))}\n`);
  for (const row of rows) process.stdout.write(`${line(heads.map((head) => row[head] ?? ''))}\n`);
}
