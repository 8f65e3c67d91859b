/**
 * Profiles a simulated rollout: every thread of the program from start to end, as `node --cpu-prof` does it, and the functions
 * that took most time. The profiles stay in a folder, for DevTools or an editor.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { machine, printTable } from './report.ts';
import { type CpuProfile, selfTimes, threadOf } from './support/cpu-profile.ts';

const ROOT = join(import.meta.dirname, '..');

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '2000' },
    workers: { type: 'string', default: '2' },
    startup: { type: 'string', default: '500ms' },
    top: { type: 'string', default: '12' },
    dir: { type: 'string' },
  },
});
const folder = values.dir ?? (await mkdtemp(join(tmpdir(), 'daemonpodupdater-profile-')));

const child = spawn(
  process.execPath,
  [
    ...['--cpu-prof', `--cpu-prof-dir=${folder}`, join(ROOT, 'src', 'main.ts'), 'simulate', '--report', 'json'],
    ...['--nodes', values.nodes, '--workers', values.workers, '--startup', values.startup],
  ],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
let output = '';
child.stdout.setEncoding('utf8').on('data', (text: string) => {
  output += text;
});
const [code] = await once(child, 'close');
if (code !== 0) {
  process.stderr.write(`the simulated rollout failed (exit code ${code})\n${output}`);
  process.exit(1);
}
const report = JSON.parse(output) as { wallSeconds: number };
console.log(machine());
console.log(
  `${values.nodes} nodes, ${values.workers} worker threads, rolled out in ${report.wallSeconds.toFixed(1)} s\n`,
);

const lanes: string[] = [];
for (const file of (await readdir(folder)).filter((name) => name.endsWith('.cpuprofile')).sort()) {
  const profile = JSON.parse(await readFile(join(folder, file), 'utf8')) as CpuProfile;
  const thread = threadOf(profile);
  if (thread === 'lane') lanes.push(file);
  const name = thread === 'lane' ? `lane-${lanes.length - 1}` : thread;
  await rename(join(folder, file), join(folder, `${name}.cpuprofile`));
  print(name, profile);
}
console.log(`profiles: ${folder}`);

function print(name: string, profile: CpuProfile): void {
  const { wallMs, busyMs, functions } = selfTimes(profile, `${pathToFileURL(ROOT).href}/`);
  console.log(`${name}: busy ${(busyMs / 1000).toFixed(2)} s of ${(wallMs / 1000).toFixed(2)} s`);
  printTable(
    functions.slice(0, Number(values.top)).map((of) => ({
      function: of.name.slice(0, 40),
      'self ms': of.selfMs.toFixed(0),
      'self %': (of.share * 100).toFixed(1),
      where: of.place,
    })),
  );
  console.log();
}
