import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { arch } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { BUSYBOX } from './requirements.ts';

const run = promisify(execFile);

/** How long the polite images take to end. */
export const POLITE_END_MS = 2_000;
/** With which exit code EXITS ends. */
export const EXIT_CODE = 3;

export const PAUSE_IMAGE = 'example.test/pause:1';
/** Two versions that end by themselves when they are asked, a while later. */
export const POLITE_IMAGES = ['example.test/agent:1', 'example.test/agent:2'] as const;
/** Ends a second after its start, by which time it has been Ready. */
export const EXITS_IMAGE = 'example.test/agent:exits';
/** Does not listen to SIGTERM: only the kubelet's SIGKILL ends it. */
export const STUBBORN_IMAGE = 'example.test/agent:stubborn';
/** There is no such image, on no node and in no registry. */
export const MISSING_IMAGE = 'example.test/agent:missing';

const WAIT = 'sleep 86400 & wait';
const POLITE = `trap 'sleep ${POLITE_END_MS / 1000}; exit 0' TERM; ${WAIT}`;

const SCRIPTS: Readonly<Record<string, string>> = {
  [PAUSE_IMAGE]: `trap 'exit 0' TERM; ${WAIT}`,
  [POLITE_IMAGES[0]]: POLITE,
  [POLITE_IMAGES[1]]: POLITE,
  [EXITS_IMAGE]: `sleep 1; exit ${EXIT_CODE}`,
  [STUBBORN_IMAGE]: `trap '' TERM; while :; do sleep 1; done`,
};

/** Makes an archive, as `docker save` does, of images that hold busybox and differ in what they run; the answer is its path. */
export async function makeImages(directory: string): Promise<string> {
  const root = join(directory, 'root');
  await mkdir(join(root, 'bin'), { recursive: true });
  await copyFile(BUSYBOX, join(root, 'bin', 'busybox'));
  for (const name of ['sh', 'sleep']) await symlink('busybox', join(root, 'bin', name));
  const layer = join(directory, 'layer.tar');
  await run('tar', ['--create', '--file', layer, '--directory', root, 'bin']);
  const diffId = `sha256:${createHash('sha256')
    .update(await readFile(layer))
    .digest('hex')}`;
  const manifest: unknown[] = [];
  for (const [index, [image, script]] of Object.entries(SCRIPTS).entries()) {
    const file = `config-${index}.json`;
    const config = {
      architecture: arch() === 'x64' ? 'amd64' : arch(),
      os: 'linux',
      config: { Cmd: ['/bin/sh', '-c', script], Env: ['PATH=/bin'] },
      rootfs: { type: 'layers', diff_ids: [diffId] },
    };
    await writeFile(join(directory, file), JSON.stringify(config));
    manifest.push({ Config: file, RepoTags: [image], Layers: ['layer.tar'] });
  }
  await writeFile(join(directory, 'manifest.json'), JSON.stringify(manifest));
  const archive = join(directory, 'images.tar');
  const configs = manifest.map((_, index) => `config-${index}.json`);
  const contents = ['manifest.json', 'layer.tar', ...configs];
  await run('tar', ['--create', '--file', archive, '--directory', directory, ...contents]);
  return archive;
}
