import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { cpusWithin } from './settings/cpu-quota.ts';

/** CPUs that this process may use at once; a fraction under a container's quota. */
export function availableCpus(): number {
  return cpusWithin(availableParallelism(), (path) => {
    try {
      return readFileSync(path, 'utf8');
    } catch {
      // Not Linux, or another version of control groups.
      return undefined;
    }
  });
}
