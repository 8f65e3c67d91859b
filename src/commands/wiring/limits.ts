/** Fixed limits of the updater; benchmarks and tests that stand in for it run with the same ones. */

/** Upstream deletes at most as many at once. */
export const IN_FLIGHT_PER_DAEMON_SET_MAX = 250;
/** Tasks that travel to a lane together. */
export const BATCH_MAX = 64;
/** Enough to keep a lane's sockets busy while answers travel back. */
export const LANE_IN_FLIGHT_MAX = 256;
export const TASK_TIMEOUT_MS = 15_000;
