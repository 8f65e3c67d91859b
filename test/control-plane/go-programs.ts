import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

/** Programs that are the tool dependencies of one Go module. */
export interface GoModule {
  /** What people call it, in front of every line of progress. */
  readonly title: string;
  /** Where its go.mod is. */
  readonly directory: string;
  /** Its folder in the cache. */
  readonly cacheName: string;
  /**
   * The programs' names, and how `go build` calls them: after their package's last path segment, which is not always what
   * everybody calls them.
   */
  readonly programs: Readonly<Record<string, string>>;
  /** For whoever waits. */
  readonly buildTakes: string;
  /** Whose version in go.mod the programs say that they have, and the variable that holds it. */
  readonly version: { readonly module: string; readonly variable: string };
  readonly env?: Readonly<Record<string, string>>;
}

/** A lock older than this belongs to a process that is gone. */
const LOCK_STALE_MS = 60_000;
const LOCK_REFRESH_MS = 15_000;
const LOCK_POLL_MS = 1_000;

const GO_FOLDERS = ['/usr/local/go/bin', '/usr/lib/go/bin'];

const run = promisify(execFile);

/** What a person has to do is in the message. */
export class BinariesMissingError extends Error {
  readonly code = 'binaries-missing';
}

export interface FindOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Where Go is looked for when the PATH does not have it. */
  readonly goFolders?: readonly string[];
  readonly progress?: (line: string) => void;
}

/** The path of Go, if it is installed. */
export async function findGo({ env = process.env, goFolders = GO_FOLDERS }: FindOptions): Promise<string | undefined> {
  const folders = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  for (const folder of [...folders, ...goFolders]) {
    const candidate = join(folder, 'go');
    if (await isExecutable(candidate)) return candidate;
  }
  return undefined;
}

/**
 * The folder of the cache that holds the module's programs, which are built first if need be.
 *
 * @throws BinariesMissingError when they cannot be built.
 */
export async function builtPrograms(go: string, module: GoModule, options: FindOptions): Promise<string> {
  const { env = process.env, progress = writeProgress } = options;
  const directory = await cacheDirectory(go, module, env);
  const tell = (line: string) => progress(`${module.title}: ${line}`);
  if ((await missingIn(directory, namesOf(module))).length > 0) await buildLocked({ go, module, directory, tell });
  return directory;
}

function namesOf({ programs }: GoModule): readonly string[] {
  return Object.keys(programs);
}

function writeProgress(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Those of the programs that the folder lacks. */
export async function missingIn(directory: string, names: readonly string[]): Promise<string[]> {
  const checks = names.map(async (name) => ((await isExecutable(join(directory, name))) ? undefined : name));
  return (await Promise.all(checks)).filter((name) => name !== undefined);
}

async function isExecutable(path: string): Promise<boolean> {
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Named after everything that decides what is built, so that a new version of anything is built anew. */
async function cacheDirectory(go: string, module: GoModule, env: NodeJS.ProcessEnv): Promise<string> {
  const { stdout: goVersion } = await run(go, ['version'], { cwd: module.directory });
  const hash = createHash('sha256').update(goVersion);
  for (const file of ['go.mod', 'go.sum']) hash.update(await readFile(join(module.directory, file)));
  const root = env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  return join(root, 'daemonpodupdater', module.cacheName, hash.digest('hex').slice(0, 16));
}

interface Build {
  readonly go: string;
  readonly module: GoModule;
  readonly directory: string;
  readonly tell: (line: string) => void;
}

/** Two test runs that start together build once: the second waits for the first. */
async function buildLocked(build: Build): Promise<void> {
  await mkdir(join(build.directory, '..'), { recursive: true });
  const lockPath = `${build.directory}.lock`;
  let hasToldOfWaiting = false;
  while (!(await tryLock(lockPath))) {
    if (!hasToldOfWaiting) build.tell(`another process is building it (${lockPath}), waiting`);
    hasToldOfWaiting = true;
    await delay(LOCK_POLL_MS);
  }
  const refresh = setInterval(() => void touch(lockPath), LOCK_REFRESH_MS);
  try {
    if ((await missingIn(build.directory, namesOf(build.module))).length > 0) await buildAll(build);
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
async function buildAll(build: Build): Promise<void> {
  const { module, directory, tell } = build;
  const temporary = await mkdtemp(`${directory}.building-`);
  try {
    tell(`building ${namesOf(module).join(', ')} once (${module.buildTakes}) …`);
    const startedMs = Date.now();
    await goBuild({ ...build, directory: temporary });
    for (const [name, builtName] of Object.entries(module.programs)) {
      if (builtName !== name) await rename(join(temporary, builtName), join(temporary, name));
    }
    await rm(directory, { recursive: true, force: true });
    await rename(temporary, directory);
    tell(`built in ${Math.round((Date.now() - startedMs) / 1000)} s into ${directory}`);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function goBuild({ go, module, directory, tell }: Build): Promise<void> {
  const goMod = await readFile(join(module.directory, 'go.mod'), 'utf8');
  const required = goMod.split('\n').map((line) => line.trim().split(' '));
  const version = required.find(([name]) => name === module.version.module)?.[1];
  const ldflags = `-s -w -X ${module.version.variable}=${version}`;
  // `tool` names the packages of go.mod's tool directives; -v prints each package, which is the only progress Go offers.
  const args = ['build', '-v', '-mod=readonly', '-buildvcs=false', '-ldflags', ldflags, '-o', `${directory}/`, 'tool'];
  const child = spawn(go, args, {
    cwd: module.directory,
    env: { ...process.env, ...module.env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
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
    if (packageCount % 250 === 0) tell(`${packageCount} Go packages compiled`);
  }
  const exitCode = await exit;
  if (exitCode === 0) return;
  throw new BinariesMissingError(`no ${module.title}: go build ended with ${exitCode}\n${lastLines.join('\n')}`);
}
