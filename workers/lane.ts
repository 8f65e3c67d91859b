import { createExecutor } from './executor.ts';
import { laneHost } from './lane-host.ts';

/** Piscina's entry: `connect` takes the hello, the default function takes batches. */
const host = laneHost(createExecutor);

export const connect = host.connect;
export default host.run;
