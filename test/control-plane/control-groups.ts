import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const ROOT = '/sys/fs/cgroup';
const POLL_MS = 50;
/** Processes that were killed leave their group when they have ended. */
const TRIES = 100;

/** Removes the control groups of that name, with all below them, from every hierarchy; Linux only. */
export async function removeControlGroups(name: string): Promise<void> {
  // With version 1 each controller has a folder of its own, with version 2 there is one for all.
  for (const hierarchy of [ROOT, ...(await foldersIn(ROOT))]) await removeTree(join(hierarchy, name));
}

/** The files of a group are the kernel's: only folders can be removed. */
async function removeTree(path: string): Promise<void> {
  for (const child of await foldersIn(path)) await removeTree(child);
  for (let tries = 1; tries <= TRIES; tries += 1) {
    const code = await rmdir(path).then(
      () => undefined,
      (error: NodeJS.ErrnoException) => error.code,
    );
    if (code !== 'EBUSY') return;
    await delay(POLL_MS);
  }
}

async function foldersIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => join(path, entry.name));
}
