import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { glob, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { it } from 'node:test';
import { parse } from 'yaml';
import { ApiClient } from '../control-plane/api-client.ts';
import { createDaemonSet, waitUntilAvailable } from '../control-plane/cluster.ts';
import { waitFor } from '../control-plane/processes.ts';
import { STUBBORN_IMAGE } from './images.ts';
import { whyNoNode } from './requirements.ts';

const TIMEOUT_MS = 60_000;
const SET_UP_TIMEOUT_MS = 45 * 60_000;
const why = await whyNoNode();
const skip = why === undefined ? false : `no real node here: ${why}`;

/** One on each node. */
async function runPods(kubeconfigPath: string): Promise<void> {
  const { clusters, users } = parse(await readFile(kubeconfigPath, 'utf8'));
  const { server, 'certificate-authority': caPath } = clusters[0].cluster;
  const caPem = await readFile(caPath, 'utf8');
  const api = new ApiClient({ serverUrl: server, caPem, token: users[0].user.token, userAgent: 'test-cleanup' });
  await createDaemonSet(api, { name: 'left', image: STUBBORN_IMAGE });
  await waitUntilAvailable(api, { name: 'left' }, 2);
  await api.close();
}

/** Process IDs, of those whose command or environment names the folder. */
async function processesOf(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const path of glob('/proc/[0-9]*/{cmdline,environ}')) {
    const text = await readFile(path, 'utf8').catch(() => '');
    if (text.includes(folder)) found.push(path.split('/')[2] ?? '');
  }
  return found;
}

/** Folders of control groups that hold nodes, in any hierarchy. */
async function controlGroups(): Promise<string[]> {
  return await Array.fromAsync(glob('/sys/fs/cgroup/{,*/}daemonpodupdater-real-*'));
}

async function mounts(): Promise<string> {
  return await readFile('/proc/self/mounts', 'utf8');
}

it('trust D: whoever started the nodes is killed → no process, mount, control group or file of them is left', {
  skip,
  timeout: SET_UP_TIMEOUT_MS,
}, async () => {
  const [mountsBefore, groupsBefore] = [await mounts(), await controlGroups()];
  const owner = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [path] = (await once(createInterface({ input: owner.stdout }), 'line')) as [string];
  const folder = dirname(path);
  assert.ok((await processesOf(folder)).length > 0);
  await runPods(path);
  const groups = (await controlGroups()).filter((group) => !groupsBefore.includes(group));
  assert.ok(groups.length > 0);
  owner.kill('SIGKILL');

  const isGone = async () =>
    !existsSync(folder) && !groups.some((group) => existsSync(group)) && (await processesOf(folder)).length === 0;
  await waitFor(isGone, { timeoutMs: TIMEOUT_MS, pollMs: 200, what: 'everything to be gone' }).catch(
    async (cause: unknown) => {
      const left = { processes: await processesOf(folder), groups: groups.filter((group) => existsSync(group)) };
      throw new Error(`left: ${JSON.stringify(left)}`, { cause });
    },
  );
  assert.equal(await mounts(), mountsBefore);
});
