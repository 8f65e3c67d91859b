import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

/** The programs of a control plane, by the name that they have in a folder of binaries. */
export const BINARY_NAMES = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kwok'] as const;
export type BinaryName = (typeof BINARY_NAMES)[number];

/** Absolute paths. */
export type Binaries = Readonly<Record<BinaryName, string>>;

/** `go build` names a binary after its package's last path segment; this one is not called what everybody calls it. */
const BUILT_NAMES: Readonly<Record<BinaryName, string>> = {
  etcd: 'server',
  'kube-apiserver': 'kube-apiserver',
  'kube-controller-manager': 'kube-controller-manager',
  'kube-scheduler': 'kube-scheduler',
  kwok: 'kwok',
};

const MODULE_DIRECTORY = import.meta.dirname;
/** A cold build takes about 9 minutes on two cores; a lock older than this belongs to a process that is gone. */
const LOCK_STALE_MS = 60_000;
const LOCK_REFRESH_MS = 15_000;
const LOCK_POLL_MS = 1_000;

const GO_FOLDERS = ['/usr/local/go/bin', '/usr/lib/go/bin'];

const run = promisify(execFile);

/** What a person has to do is in the message. */
export class BinariesMissingError extends Error {
  readonly code = 'control-plane-binaries-missing';
}

export interface FindOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Where Go is looked for when the PATH does not have it. */
  readonly goFolders?: readonly string[];
  readonly progress?: (line: string) => void;
}

/**
 * Finds the control plane's programs: in the folder that `KUBEBUILDER_ASSETS` names (the convention of envtest), else in
 * the cache folder, where they are built first if need be.
 *
 * @throws BinariesMissingError when they are neither there nor can be built.
 */
export async function findBinaries(options: FindOptions = {}): Promise<Binaries> {
  const env = options.env ?? process.env;
  const progress = options.progress ?? writeProgress;
  const assets = env.KUBEBUILDER_ASSETS;
  if (assets !== undefined && assets !== '') return await binariesOfAssets(assets);
  const go = await findGo(env, options.goFolders ?? GO_FOLDERS);
  if (go === undefined) {
    throw new BinariesMissingError(
      'no control plane: KUBEBUILDER_ASSETS is not set and Go is not installed. Either install Go (https://go.dev/dl, ' +
        `1.26 or newer) or set KUBEBUILDER_ASSETS to a folder that holds ${BINARY_NAMES.join(', ')}.`,
    );
  }
  const directory = await cacheDirectory(go, env);
  if ((await missingIn(directory)).length > 0) await buildLocked({ go, directory, progress });
  return pathsIn(directory);
}

function writeProgress(line: string): void {
  process.stderr.write(`${line}\n`);
}

async function binariesOfAssets(assets: string): Promise<Binaries> {
  const missing = await missingIn(assets);
  if (missing.length > 0) {
    throw new BinariesMissingError(
      `no control plane: KUBEBUILDER_ASSETS is ${assets}, which lacks ${missing.join(', ')}. envtest's archives hold etcd ` +
        'and kube-apiserver only: add the others, or unset KUBEBUILDER_ASSETS to have all of them built with Go.',
    );
  }
  return pathsIn(assets);
}

function pathsIn(directory: string): Binaries {
  return {
    etcd: join(directory, 'etcd'),
    'kube-apiserver': join(directory, 'kube-apiserver'),
    'kube-controller-manager': join(directory, 'kube-controller-manager'),
    'kube-scheduler': join(directory, 'kube-scheduler'),
    kwok: join(directory, 'kwok'),
  };
}

async function missingIn(directory: string): Promise<BinaryName[]> {
  const checks = BINARY_NAMES.map(async (name) => ((await isExecutable(join(directory, name))) ? undefined : name));
  return (await Promise.all(checks)).filter((name) => name !== undefined);
}

async function isExecutable(path: string): Promise<boolean> {
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function findGo(env: NodeJS.ProcessEnv, others: readonly string[]): Promise<string | undefined> {
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const folder of [...folders, ...others]) {
    const candidate = join(folder, 'go');
    if (await isExecutable(candidate)) return candidate;
  }
  return undefined;
}

/** Named after everything that decides what is built, so that a new version of anything is built anew. */
async function cacheDirectory(go: string, env: NodeJS.ProcessEnv): Promise<string> {
  const { stdout: goVersion } = await run(go, ['version'], { cwd: MODULE_DIRECTORY });
  const hash = createHash('sha256').update(goVersion);
  for (const file of ['go.mod', 'go.sum']) hash.update(await readFile(join(MODULE_DIRECTORY, file)));
  const root = env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  return join(root, 'daemonpodupdater', 'control-plane', hash.digest('hex').slice(0, 16));
}

interface Build {
  readonly go: string;
  readonly directory: string;
  readonly progress: (line: string) => void;
}

/** Two test runs that start together build once: the second waits for the first. */
async function buildLocked(build: Build): Promise<void> {
  await mkdir(join(build.directory, '..'), { recursive: true });
  const lockPath = `${build.directory}.lock`;
  let hasToldOfWaiting = false;
  while (!(await tryLock(lockPath))) {
    if (!hasToldOfWaiting) build.progress(`control plane: another process is building it (${lockPath}), waiting`);
    hasToldOfWaiting = true;
    await delay(LOCK_POLL_MS);
  }
  const refresh = setInterval(() => void touch(lockPath), LOCK_REFRESH_MS);
  try {
    if ((await missingIn(build.directory)).length > 0) await buildAll(build);
  } finally {
    clearInterval(refresh);
    await rm(lockPath, { force: true });
  }
}

async function tryLock(path: string): Promise<boolean> {
  const information = await stat(path).catch(() => undefined);
  if (information !== undefined && Date.now() - information.mtimeMs > LOCK_STALE_MS) await rm(path, { force: true });
  const handle = await open(path, 'wx').catch(() => undefined);
  await handle?.close();
  return handle !== undefined;
}

async function touch(path: string): Promise<void> {
  const handle = await open(path, 'r+').catch(() => undefined);
  await handle?.utimes(new Date(), new Date()).catch(() => undefined);
  await handle?.close();
}

/** Built beside the cache folder and renamed as a whole: the folder is either complete or not there. */
async function buildAll({ go, directory, progress }: Build): Promise<void> {
  const temporary = await mkdtemp(`${directory}.building-`);
  try {
    progress('control plane: building etcd, Kubernetes and kwok once (about 9 minutes on two cores) …');
    const startedMs = Date.now();
    await goBuild({ go, directory: temporary, progress });
    for (const name of BINARY_NAMES) {
      if (BUILT_NAMES[name] !== name) await rename(join(temporary, BUILT_NAMES[name]), join(temporary, name));
    }
    await rm(directory, { recursive: true, force: true });
    await rename(temporary, directory);
    progress(`control plane: built in ${Math.round((Date.now() - startedMs) / 1000)} s into ${directory}`);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function goBuild({ go, directory, progress }: Build): Promise<void> {
  const kubernetesVersion = /^\s*k8s\.io\/kubernetes (\S+)/m.exec(
    await readFile(join(MODULE_DIRECTORY, 'go.mod'), 'utf8'),
  )?.[1];
  const ldflags = `-s -w -X k8s.io/component-base/version.gitVersion=${kubernetesVersion}`;
  // `tool` names the packages of go.mod's tool directives; -v prints each package, which is the only progress Go offers.
  const args = ['build', '-v', '-mod=readonly', '-buildvcs=false', '-ldflags', ldflags, '-o', directory, 'tool'];
  const child = spawn(go, args, { cwd: MODULE_DIRECTORY, stdio: ['ignore', 'ignore', 'pipe'] });
  const exit = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const lastLines: string[] = [];
  let packageCount = 0;
  for await (const line of createInterface({ input: child.stderr })) {
    lastLines.push(line);
    if (lastLines.length > 20) lastLines.shift();
    packageCount += 1;
    if (packageCount % 250 === 0) progress(`control plane: ${packageCount} Go packages compiled`);
  }
  const exitCode = await exit;
  if (exitCode === 0) return;
  throw new BinariesMissingError(`no control plane: go build ended with ${exitCode}\n${lastLines.join('\n')}`);
}
