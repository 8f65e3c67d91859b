import type { Outcome } from '../../../src/protocol/outcome.ts';
import type { Task } from '../../../src/protocol/task.ts';
import { laneHost } from '../../../workers/lane-host.ts';
import { finish } from '../../../workers/steps/finish.ts';
import { outcomeOf } from '../../../workers/steps/step.ts';

/** A lane whose tasks do what their pod's name says, instead of a request. */
const host = laneHost(({ connection, ...hello }) => {
  let { connections } = hello;
  let serverUrl = connection.serverUrl;
  return {
    execute(task: Task): Outcome | Promise<Outcome> {
      const message = task.pod === 'connections' ? String(connections) : serverUrl;
      const done = outcomeOf(task, finish('done', { message }), 0);
      return misbehave(task.pod) ?? done;
    },
    setConnection(next) {
      serverUrl = next.serverUrl;
    },
    useConnections(count) {
      connections = count;
    },
    async abort() {},
    async close() {},
  };
});

function misbehave(what: string): Promise<Outcome> | undefined {
  switch (what) {
    case 'throw':
      setImmediate(() => {
        throw new Error('nobody catches this');
      });
      return new Promise(() => {});
    case 'exit':
      process.exit(7);
      break;
    case 'loop':
      for (;;);
    case 'out-of-memory': {
      const hoard: unknown[] = [];
      for (;;) hoard.push(new Array(10_000).fill({}));
    }
    case 'never':
      return new Promise(() => {});
  }
  return undefined;
}

export const connect = host.connect;
export default host.run;
