/** How often a property is tried, and how many cases are drawn: `RUNS=10` tries all of them ten times as often. */
export function runs(count: number): number {
  return Math.ceil(count * Number(process.env.RUNS ?? 1));
}
