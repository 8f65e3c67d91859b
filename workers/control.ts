import { getHeapStatistics } from 'node:v8';
import type { MessagePort } from 'node:worker_threads';
import * as Comlink from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import type { LaneControl } from '../src/protocol/lane-control.ts';
import { cpuProfile, heapProfile } from './profile.ts';

export type HostControl = Pick<LaneControl, 'setConnection' | 'useConnections' | 'abort' | 'drain'> & {
  running(): number;
};

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
    useConnections: (count) => host.useConnections(count),
    cpuProfile,
    heapProfile,
    abort: () => host.abort(),
    drain: () => host.drain(),
  };
  Comlink.expose(control, nodeEndpoint(port));
}
