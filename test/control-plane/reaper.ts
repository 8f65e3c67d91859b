/**
 * Ends a control plane whose owner is gone. It is a process of its own, fed by the owner's pipe: `+<pid>` and `-<pid>` for
 * programs that were started and that have ended, `g<name>` for control groups to remove, one a line. When the pipe closes (the owner ended, in whatever way) or
 * the lifetime (from the first program on) is over, the programs still running are killed and the folder is removed.
 *
 * Arguments: the folder, the lifetime in milliseconds.
 */
import { rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { removeControlGroups } from './control-groups.ts';

const [directory, lifetimeMs] = process.argv.slice(2);
if (directory === undefined || lifetimeMs === undefined) throw new Error('usage: reaper.ts <folder> <lifetimeMs>');

const pids = new Set<number>();
const controlGroups: string[] = [];

async function reap(folder: string): Promise<void> {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
  for (const name of controlGroups) await removeControlGroups(name);
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  process.exit(0);
}

// The owner handles these; a terminal sends them to the whole group, and this process has to outlive the owner.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
const lines = createInterface({ input: process.stdin });
// It begins with the first program, which is then among those that are killed, however late it was read.
lines.once('line', () => setTimeout(() => void reap(directory), Number(lifetimeMs)));
lines.on('line', (line) => {
  const pid = Number(line.slice(1));
  if (line.startsWith('g')) controlGroups.push(line.slice(1));
  else if (line.startsWith('+')) pids.add(pid);
  else pids.delete(pid);
});
lines.on('close', () => void reap(directory));
