/** Fixed limits of the updater; benchmarks and tests that stand in for it run with the same ones. */

/** OpenYurt deletes at most as many at once. */
export const IN_FLIGHT_PER_DAEMON_SET_MAX = 250;
/** Tasks that travel to a lane together. */
export const BATCH_MAX = 64;
/** Sockets of all lanes together. A flood of writes was answered fastest with 128 at once, of 16, 32, 64 and 128 (bench:api). */
export const CONNECTIONS_MAX = 128;
/** One lane's event loop need not hold more. */
export const LANE_IN_FLIGHT_MAX = 256;
/**
 * Four a socket: enough to keep the sockets busy while answers travel back to the dispatcher, and few enough that no task
 * times out in line: one that waits for three others has a quarter of TASK_TIMEOUT_MS for each.
 */
export const TASKS_IN_LANES_MAX = 4 * CONNECTIONS_MAX;
export const TASK_TIMEOUT_MS = 15_000;
/**
 * Inputs of this long are decided about together. Events of a rollout come one by one, a few hundred a second: deciding after
 * each of them costs more than reading it, and wakes a lane for a single task.
 */
export const GATHER_MS = 15;
