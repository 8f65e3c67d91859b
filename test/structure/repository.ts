import { spawnSync } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repositoryRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Files of the repository that are not ignored, whether committed yet or not; of a checkout without git: all but dependencies. */
export function listRepositoryFiles(): readonly string[] {
  const git = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: repositoryRoot,
    encoding: 'utf8',
  });
  if (git.status === 0) return git.stdout.split('\n').filter((path) => path !== '' && isFile(path));
  return globSync('**/*.*', { cwd: repositoryRoot, exclude: ['node_modules', '.cache', '.git'] }).filter(isFile);
}

function isFile(path: string): boolean {
  return existsSync(join(repositoryRoot, path));
}
