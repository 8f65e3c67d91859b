import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { eventually } from './support.ts';

const MOUNT = '/sys/fs/cgroup';
const NAME = `daemonpodupdater-test-${process.pid}`;
const MODULE = new URL('../../src/manager/available-cpus.ts', import.meta.url).href;
/** A line for each line it is given: the CPUs it may use, as this program and as Node count them. */
const PROGRAM = `
  import { availableParallelism } from 'node:os';
  import { createInterface } from 'node:readline';
  import { availableCpus } from '${MODULE}';
  for await (const _ of createInterface(process.stdin)) console.log(JSON.stringify([availableCpus(), availableParallelism()]));`;

interface Group {
  readonly folder: string;
  /** In hundredths of a CPU. */
  limit(percent: number): void;
}

/** A control group of our own below the one that the machine's top is; why not, as text. */
function makeGroup(): Group | string {
  const isV2 = existsSync(join(MOUNT, 'cgroup.controllers'));
  const folder = isV2 ? join(MOUNT, NAME) : join(MOUNT, 'cpu', NAME);
  try {
    if (isV2 && !readFileSync(join(MOUNT, 'cgroup.subtree_control'), 'utf8').includes('cpu')) {
      return 'the top control group does not hand the CPU controller down';
    }
    mkdirSync(folder);
  } catch (error) {
    return `control groups cannot be made here: ${(error as NodeJS.ErrnoException).code}`;
  }
  const file = join(folder, isV2 ? 'cpu.max' : 'cpu.cfs_quota_us');
  return {
    folder,
    limit: (percent) => writeFileSync(file, isV2 ? `${percent * 1000} 100000` : String(percent * 1000)),
  };
}

/** Asks a process in the group for its CPUs. */
function start(t: TestContext, group: Group) {
  const script = `echo $$ > ${group.folder}/cgroup.procs && exec "$0" --input-type=module -e "$1"`;
  const child = spawn('/bin/sh', ['-c', script, process.execPath, PROGRAM], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  t.after(async () => {
    child.kill('SIGKILL');
    // The kernel lets go of a group a little after its last process.
    await eventually('the control group is removed', () => {
      try {
        rmdirSync(group.folder);
        return true;
      } catch (error) {
        return (error as NodeJS.ErrnoException).code === 'ENOENT';
      }
    });
  });
  return async (): Promise<number[]> => {
    child.stdin.write('\n');
    const line = await lines.next();
    assert.ok(!line.done, 'the process ended');
    return JSON.parse(line.value);
  };
}

test('CPU quota: a real control group whose limit changes → the process sees each, as a fraction', async (t) => {
  const group = makeGroup();
  if (typeof group === 'string') {
    t.skip(group);
    return;
  }
  const ask = start(t, group);
  group.limit(50);
  const [half, byNode] = await ask();
  t.diagnostic(`under half a CPU, Node counts ${byNode}`);
  assert.equal(half, 0.5);
  group.limit(75);
  assert.equal((await ask())[0], 0.75);
});
