import { runSeed } from './run.ts';
import { type Kind, type Overrides, specOf } from './spec.ts';

/**
 * Makes a failing seed smaller: without kinds of faults, with fewer DaemonSets and nodes, for a shorter time, as long as the
 * same rule is broken. `runsMax` bounds the effort.
 */
export function minimise(seed: number, rule: string, runsMax = 200): Overrides {
  let runs = 0;
  let best: Overrides = {};
  const fails = (overrides: Overrides): boolean => {
    runs += 1;
    return runs <= runsMax && runSeed(seed, overrides).failure?.rule === rule;
  };
  const keep = (overrides: Overrides): boolean => {
    if (!fails(overrides)) return false;
    best = overrides;
    return true;
  };
  const spec = specOf(seed);
  // Halves first: most kinds have nothing to do with it.
  const kinds = [...spec.kinds.keys()];
  for (let size = Math.ceil(kinds.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let start = 0; start < kinds.length; start += size) without(kinds.slice(start, start + size));
  }
  function without(some: readonly Kind[]): void {
    const present = new Set<Kind>(best.without ?? []);
    const more = some.filter((kind) => !present.has(kind));
    if (more.length > 0) keep({ ...best, without: [...present, ...more] });
  }
  for (let count = 1; count < spec.daemonSets.length; count += 1) if (keep({ ...best, daemonSets: count })) break;
  for (let nodes = 1; nodes < spec.nodes; nodes = Math.ceil(nodes * 1.7)) if (keep({ ...best, nodes })) break;
  const minutes = Math.ceil(spec.faultMs / 6000) / 10;
  for (const share of [0.1, 0.25, 0.5, 0.75]) {
    if (keep({ ...best, minutes: Math.ceil(minutes * share * 10) / 10 })) break;
  }
  return best;
}
