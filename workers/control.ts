import { Session } from 'node:inspector/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import type { MessagePort } from 'node:worker_threads';
import * as Comlink from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import type { LaneControl } from '../src/protocol/lane-control.ts';

export type HostControl = Pick<LaneControl, 'setConnection' | 'drain'> & { running(): number };

/** Answers the main thread's requests about this thread over a port. */
export function exposeControl(port: MessagePort, host: HostControl): void {
  const control: LaneControl = {
    ping() {},
    selfStats() {
      const cpu = process.threadCpuUsage();
      return {
        cpuMs: (cpu.user + cpu.system) / 1000,
        heapBytes: getHeapStatistics().used_heap_size,
        running: host.running(),
      };
    },
    setConnection: (connection) => host.setConnection(connection),
    cpuProfile,
    heapProfile,
    drain: () => host.drain(),
  };
  Comlink.expose(control, nodeEndpoint(port));
}

async function cpuProfile(durationMs: number): Promise<string> {
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.start');
    await sleep(durationMs);
    const { profile } = await session.post('Profiler.stop');
    return JSON.stringify(profile);
  } finally {
    session.disconnect();
  }
}

async function heapProfile(durationMs: number): Promise<string> {
  const session = new Session();
  session.connect();
  try {
    await session.post('HeapProfiler.enable');
    await session.post('HeapProfiler.startSampling');
    await sleep(durationMs);
    const { profile } = await session.post('HeapProfiler.stopSampling');
    return JSON.stringify(profile);
  } finally {
    session.disconnect();
  }
}
