import { parentPort } from 'node:worker_threads';
import type { Connection } from '../src/protocol/connection.ts';
import type { LaneHello } from '../src/protocol/lane-control.ts';
import type { EndedTask, WireBatch, WireOutcomes } from '../src/protocol/wire.ts';
import { packOutcomes, unpackBatch } from '../src/protocol/wire.ts';
import type { Execute } from './batch.ts';
import { runBatch } from './batch.ts';
import { exposeControl } from './control.ts';

export interface Executor {
  readonly execute: Execute;
  setConnection(connection: Connection): void;
  useConnections(count: number): void;
  abort(): Promise<void>;
  close(): Promise<void>;
}

export interface LaneHost {
  connect(hello: LaneHello): void;
  run(batch: WireBatch): Promise<WireOutcomes>;
}

/** One worker thread's side of a lane: batches in, outcomes out, control on the side. */
export function laneHost(createExecutor: (hello: LaneHello) => Executor): LaneHost {
  // The pool looks its functions up asynchronously, so a batch may overtake the hello.
  const connected = Promise.withResolvers<Executor>();
  let running = 0;
  let onIdle: (() => void) | undefined;

  function ended(count: number): void {
    running -= count;
    if (running === 0) onIdle?.();
  }

  function reportEarly(id: number, outcomes: EndedTask[]): void {
    ended(outcomes.length);
    parentPort?.postMessage(packOutcomes(id, outcomes));
  }

  async function drain(executor: Executor): Promise<void> {
    if (running > 0) await new Promise<void>((resolve) => (onIdle = resolve));
    await executor.close();
  }

  return {
    connect(hello) {
      const executor = createExecutor(hello);
      exposeControl(hello.controlPort, {
        running: () => running,
        setConnection: (connection) => executor.setConnection(connection),
        useConnections: (count) => executor.useConnections(count),
        abort: () => executor.abort(),
        drain: () => drain(executor),
      });
      connected.resolve(executor);
    },
    async run(wire) {
      const { execute } = await connected.promise;
      const batch = unpackBatch(wire);
      running += batch.tasks.length;
      const outcomes = await runBatch(batch, withIndex(execute), (early) => reportEarly(wire.id, early));
      ended(outcomes.length);
      return packOutcomes(wire.id, outcomes);
    },
  };
}

function withIndex(execute: Execute): Execute<EndedTask> {
  return (task, limits, index) => {
    const outcome = execute(task, limits, index);
    if (outcome instanceof Promise) return outcome.then((ended) => ({ index, outcome: ended }));
    return { index, outcome };
  };
}
