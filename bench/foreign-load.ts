import { readFile } from 'node:fs/promises';
import type { ControlPlane } from '../test/control-plane/control-plane.ts';
import type { Program } from '../test/control-plane/processes.ts';

const TICKS_PER_SECOND = 100;

/**
 * How many CPUs were busy on average with what is no part of the benchmark, so that a figure from a disturbed run can be
 * told from a bad one. From /proc, so Linux only.
 */
export async function measureForeignLoad(
  plane: ControlPlane,
  extra: readonly Program[],
): Promise<() => Promise<number>> {
  const programs = [...plane.programs, ...extra];
  const read = async () => {
    const own = process.cpuUsage();
    const children = await Promise.all(programs.map(async (program) => await program.cpuSeconds()));
    return {
      atSeconds: performance.now() / 1000,
      all: await busySeconds(),
      own: (own.user + own.system) / 1e6 + children.reduce((sum, seconds) => sum + seconds, 0),
    };
  };
  const before = await read();
  return async () => {
    const after = await read();
    const foreign = after.all - before.all - (after.own - before.own);
    return Math.max(0, foreign / (after.atSeconds - before.atSeconds));
  };
}

/** CPU time of everything on the machine since it was started, time stolen by its host included. */
async function busySeconds(): Promise<number> {
  const [, user, nice, system, , , irq, softirq, steal] = (await readFile('/proc/stat', 'utf8'))
    .slice(0, 200)
    .split(/\s+/)
    .map(Number) as [number, number, number, number, number, number, number, number, number];
  return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND;
}
