import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadConnection } from '../../src/client/credentials.ts';
import { folderOf, kubeconfig, write } from './kubeconfig-fixtures.ts';
import { eventually } from './local-server.ts';

/** A kubeconfig whose plugin starts another process, writes both ids down, and waits for ever. */
function hangingPlugin(t: TestContext): { readonly file: string; readonly pids: () => readonly number[] } {
  const folder = folderOf(t);
  const script = `#!/bin/sh\nsleep 600 &\necho $$ $! > "${folder}/pids.part"\nmv "${folder}/pids.part" "${folder}/pids"\nwait\n`;
  chmodSync(write(folder, 'plugin', script), 0o755);
  const user = { token: undefined, exec: { apiVersion: 'client.authentication.k8s.io/v1', command: './plugin' } };
  const pidFile = path.join(folder, 'pids');
  const pids = () => (existsSync(pidFile) ? readFileSync(pidFile, 'utf8').trim().split(' ').map(Number) : []);
  t.after(() => {
    for (const pid of pids()) if (isRunning(pid)) process.kill(pid, 'SIGKILL');
  });
  return { file: write(folder, 'config', kubeconfig({ user })), pids };
}

/** A zombie has ended, whether or not somebody has asked how. */
function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !/\) [ZX] /.test(stat);
  } catch {
    return false;
  }
}

const options = { skip: process.platform === 'linux' ? false : 'looks into /proc' };

test('exec plugin: does not answer in time → said so, and it is ended with what it started', options, async (t) => {
  const { file, pids } = hangingPlugin(t);
  const listeners = process.listenerCount('SIGTERM');
  await assert.rejects(loadConnection({ kubeconfig: file, execTimeoutMs: 4000 }), {
    code: 'exec-plugin-failed',
    message: /plugin of .* failed: no answer within 4 s; run it by hand/,
  });
  assert.equal(pids().length, 2, 'it was given time to start');
  await eventually('both have ended', () => pids().every((pid) => !isRunning(pid)));
  assert.equal(process.listenerCount('SIGTERM'), listeners);
});

test(
  'exec plugin: the process is told to end while it waits → ends by the signal, and the plugin too',
  options,
  async (t) => {
    const { file, pids } = hangingPlugin(t);
    const main = path.join(import.meta.dirname, '../../src/main.ts');
    const child = spawn(process.execPath, [main, 'status', '--kubeconfig', file], { stdio: 'ignore' });
    t.after(() => child.kill('SIGKILL'));
    const exited = once(child, 'exit');
    await eventually('the plugin runs', () => pids().length === 2, 20_000);
    child.kill('SIGINT');
    assert.deepEqual(await exited, [null, 'SIGINT']);
    await eventually('the plugin has ended', () => pids().every((pid) => !isRunning(pid)));
  },
);
