import { readFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import type { ControlPlane } from '../test/control-plane/control-plane.ts';
import type { Program } from '../test/control-plane/processes.ts';

const TICKS_PER_SECOND = 100;

export interface CpuUse {
  /** CPU seconds by program; `observer` is the benchmark's own process. */
  readonly seconds: Readonly<Record<string, number>>;
  /** CPUs that something else kept busy on average: tells a disturbed run from a bad one. */
  readonly foreignCpus: number;
}

/** What each program of the control plane, `extra` and this process use from now until the answer is called. Linux only. */
export async function measureCpuUse(plane: ControlPlane, extra: readonly Program[]): Promise<() => Promise<CpuUse>> {
  const programs = [...plane.programs, ...extra];
  const before = await read(programs);
  return async () => {
    const after = await read(programs);
    const seconds = Object.fromEntries(
      Object.entries(after.seconds).map(([name, value]) => [name, value - (before.seconds[name] ?? 0)]),
    );
    const accounted = Object.values(seconds).reduce((sum, value) => sum + value, 0);
    const foreign = (after.all - before.all - accounted) / (after.atSeconds - before.atSeconds);
    return { seconds, foreignCpus: Math.max(0, foreign) };
  };
}

async function read(programs: readonly Program[]) {
  const own = process.cpuUsage();
  const entries = await Promise.all(
    programs.map(async (program) => [program.name, await program.cpuSeconds()] as const),
  );
  return {
    atSeconds: performance.now() / 1000,
    all: await busySeconds(),
    seconds: { ...Object.fromEntries(entries), observer: (own.user + own.system) / 1e6 } as Record<string, number>,
  };
}

const QUIET_CPUS = 0.15;
const QUIET_LOOK_MS = 2000;
const QUIET_TIMEOUT_MS = 90_000;

/**
 * Waits until the machine does next to nothing: a control plane whose nodes and pods were just created is busy for seconds
 * after they are all available, and what is measured meanwhile pays for it. A machine that never rests is told by `foreignCpus`.
 */
export async function waitUntilQuiet(): Promise<void> {
  const giveUpMs = performance.now() + QUIET_TIMEOUT_MS;
  for (;;) {
    const [before, fromMs] = [await busySeconds(), performance.now()];
    await setTimeout(QUIET_LOOK_MS);
    const cpus = ((await busySeconds()) - before) / ((performance.now() - fromMs) / 1000);
    if (cpus < QUIET_CPUS || performance.now() > giveUpMs) return;
  }
}

/** CPU time of everything on the machine since it was started, time stolen by its host included. */
export async function busySeconds(): Promise<number> {
  const [, user, nice, system, , , irq, softirq, steal] = (await readFile('/proc/stat', 'utf8'))
    .slice(0, 200)
    .split(/\s+/)
    .map(Number) as [number, number, number, number, number, number, number, number, number];
  return (user + nice + system + irq + softirq + steal) / TICKS_PER_SECOND;
}
