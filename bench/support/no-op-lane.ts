import type { Outcome } from '../../src/protocol/outcome.ts';
import type { TaskBatch } from '../../src/protocol/task.ts';
import { packOutcomes, unpackBatch, type WireBatch, type WireOutcomes } from '../../src/protocol/wire.ts';
import { laneHost } from '../../workers/lane-host.ts';
import { finish } from '../../workers/steps/finish.ts';
import { outcomeOf } from '../../workers/steps/step.ts';

/** A lane that is done with everything at once. */
const DONE = finish('done');
const host = laneHost(() => ({
  execute: (task) => outcomeOf(task, DONE, 0),
  setConnection() {},
  useConnections() {},
  async abort() {},
  async close() {},
}));

export const connect = host.connect;
export default host.run;

/** The same without a lane around it, for bare Piscina. */
export function bare(batch: TaskBatch): Outcome[] {
  return batch.tasks.map((task) => outcomeOf(task, DONE, 0));
}

/** The same with packed messages. */
export function barePacked(wire: WireBatch): WireOutcomes {
  const { tasks } = unpackBatch(wire);
  return packOutcomes(
    wire.id,
    tasks.map((task, index) => ({ index, outcome: outcomeOf(task, DONE, 0) })),
  );
}
