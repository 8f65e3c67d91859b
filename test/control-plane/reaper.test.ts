import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { waitFor } from './processes.ts';

const REAPER = join(import.meta.dirname, 'reaper.ts');
const NEVER_ENDING = 'setInterval(() => undefined, 1000)';

for (const { cause, lifetimeMs, isPipeClosed } of [
  { cause: 'the owner is gone', lifetimeMs: 60_000, isPipeClosed: true },
  { cause: 'the lifetime is over', lifetimeMs: 2_000, isPipeClosed: false },
]) {
  it(`reaper: ${cause} → the program is killed, the folder removed`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'daemonpodupdater-reaper-'));
    const victim = spawn(process.execPath, ['-e', NEVER_ENDING], { stdio: 'ignore' });
    const reaper = spawn(process.execPath, [REAPER, folder, String(lifetimeMs)], {
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    const victimEnded = once(victim, 'exit');
    reaper.stdin.write(`+${victim.pid}\n`);
    if (isPipeClosed) reaper.stdin.end();
    const [, signal] = await victimEnded;
    assert.equal(signal, 'SIGKILL');
    await waitFor(() => !existsSync(folder), { timeoutMs: 5_000, what: 'the folder to be removed' });
    reaper.stdin.destroy();
  });
}
