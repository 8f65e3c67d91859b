import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { promisify } from 'node:util';
import { findGo } from '../control-plane/go-programs.ts';

/** Where Debian's packages put what a node needs besides the programs that are built. */
export const CNI_FOLDER = '/usr/lib/cni';
export const BUSYBOX = '/bin/busybox';

/** A package of Debian, by a file that it brings. */
const PACKAGES: Readonly<Record<string, string>> = {
  runc: '/usr/sbin/runc',
  'containernetworking-plugins': `${CNI_FOLDER}/ptp`,
  'busybox-static': BUSYBOX,
};
const INSTALL_TIMEOUT_MS = 5 * 60_000;
const RETRIES = ['-o', 'Acquire::Retries=3'];

const run = promisify(execFile);

/** Why no node can run here, in one line; undefined when one can. */
export async function whyNoNode(): Promise<string | undefined> {
  if (process.platform !== 'linux') return `it needs Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'it needs root';
  if ((await findGo({})) === undefined) return 'it is built with Go, which is not installed (https://go.dev/dl)';
  if ((await missingPackages()).length > 0 && !(await isThere('/usr/bin/apt-get'))) {
    return `there is no apt-get to install ${(await missingPackages()).join(', ')} with`;
  }
  return undefined;
}

async function missingPackages(): Promise<string[]> {
  const checks = Object.entries(PACKAGES).map(async ([name, file]) => ((await isThere(file)) ? undefined : name));
  return (await Promise.all(checks)).filter((name) => name !== undefined);
}

async function isThere(path: string): Promise<boolean> {
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Installs the packages that are missing. */
export async function installPackages(): Promise<void> {
  const missing = await missingPackages();
  if (missing.length === 0) return;
  process.stderr.write(`real node: installing ${missing.join(', ')}\n`);
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, timeout: INSTALL_TIMEOUT_MS };
  await run('apt-get', [...RETRIES, 'update'], options);
  await run('apt-get', [...RETRIES, 'install', '--yes', '--no-install-recommends', ...missing], options);
}
