const LANES_MIN = 1;
const LANES_MAX = 64;

/** What a user may ask for: a number of lanes, or as many as fit the machine, the cluster and the load. */
export type LaneSetting = number | 'auto';

export type LaneSettingResult =
  | { readonly code: 'valid'; readonly lanes: LaneSetting }
  /** `message` names the source, the value and the range. */
  | { readonly code: 'invalid'; readonly message: string };

/** Reads a setting from a flag, a config file or the environment; `source` is its name there, for the message. */
export function parseLaneSetting(value: string | number, source = '--daemonpodupdater-workers'): LaneSettingResult {
  const text = String(value).trim();
  if (text === 'auto') return { code: 'valid', lanes: 'auto' };
  const lanes = /^[0-9]{1,3}$/.test(text) ? Number(text) : Number.NaN;
  if (lanes >= LANES_MIN && lanes <= LANES_MAX) return { code: 'valid', lanes };
  const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  return {
    code: 'invalid',
    message: `${source}: "${shown}" is not a number of worker threads: use a whole number from ${LANES_MIN} to ${LANES_MAX}, or auto`,
  };
}

export interface AutoInput {
  /** CPUs that this process may use at once; may be a fraction under a container's quota. */
  readonly cpus: number;
  /** Nodes of the cluster. */
  readonly nodeCount: number;
}

/** With one lane a thread that dies or hangs would stop every rollout until it is replaced; with two, half of each goes on. */
const AUTO_MIN = 2;
/**
 * A lane sends thousands of requests a second, and one API server takes hundreds of writes (200 mutating requests at
 * once by default): more lanes than this only spread the same requests over more sockets.
 */
const AUTO_MAX = 8;
/**
 * Nodes a further lane is added for. At 10 % a cluster of 5,000 nodes has at most 500 replacements in flight, which are as many
 * writes in one burst: with one lane more for each 5,000, a lane's share of a burst stays at about 250 to 400.
 */
const NODES_PER_LANE = 5000;

/**
 * The number of lanes never to go below while `auto` is asked for:
 * 2, and one more for every 5,000 nodes, but no more than leave one CPU to the main thread, and 8 at most.
 */
export function autoLaneCount(input: AutoInput): number {
  const wanted = AUTO_MIN + Math.floor(Math.max(0, input.nodeCount) / NODES_PER_LANE);
  return Math.max(AUTO_MIN, Math.min(wanted, autoLaneMax(input.cpus)));
}

/** The number of lanes that `auto` may grow to under load. */
export function autoLaneMax(cpus: number): number {
  return Math.max(AUTO_MIN, Math.min(AUTO_MAX, Math.floor(cpus) - 1));
}
