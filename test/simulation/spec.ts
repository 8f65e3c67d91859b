import { GATHER_MS } from '../../src/manager/limits.ts';
import { createRandom, type Random, randomBelow } from '../../src/simulator/random.ts';

/**
 * Everything that can go wrong or be done to the cluster. A seed draws which of them happen, and how often; leaving a kind
 * out does not shift what happens of the others' own making.
 */
export const KINDS = [
  // Requests.
  'lost-before',
  'lost-after',
  'slow',
  'conflict',
  'throttled',
  'internal-error',
  'forbidden',
  'duplicated',
  'api-restart',
  // Watches and lists.
  'watch-cut',
  'watch-late',
  'watch-stall',
  'watch-silent',
  'watch-expired',
  'stale-list',
  'lagging-cache',
  'bookmarks-only',
  'compaction',
  // Nodes and pods.
  'node-not-ready',
  'node-away',
  'node-brought-down',
  'node-vanish',
  'pod-flap',
  'bad-image',
  'stuck-terminating',
  'foreign-delete',
  'mass-delete',
  'pod-failed',
  'decoy-pods',
  'unlabelled-pods',
  'slow-cluster',
  // The updater's own process.
  'crash',
  'pause',
  'two-leaders',
  'stall',
  'restart',
  'lane-death',
  'resize',
  'clock-drift',
  'clock-step',
  // Users.
  'template',
  'rollback',
  'max-unavailable',
  'opt-out',
  'recreate',
  'strategy',
  'not-on-delete',
  'cordon',
  'taint',
  'relabel',
  'min-ready',
  'new-node',
  // An admission webhook.
  'protected-pods',
  // The watch of revisions only: pods are told long before the revision that they are of.
  'late-revisions',
  // One stream of one process, for minutes; writes and all other streams get through.
  'stream-outage',
  // Nodes, pods, DaemonSets and revisions that nobody can read for a while.
  'unreadable',
  // Users again; drawn by itself, so that the others are as they were.
  'hold',
  // The updater's machine: it is suspended, and its wall clock is wrong and corrected.
  'suspend',
  'wall-step',
  // Who counts: see docs/design.md, "The budget".
  'system-taint',
  'node-killer',
  'site-outage',
  'mass-away',
  'node-flap',
  'node-stream',
  'exclude',
  'there-and-back',
  // From the beginning to the end: nodes where no pod runs, pods that broke before, nodes where no new pod comes up.
  'never-runs',
  'broken-before',
  'stays-bad',
] as const;

export type Kind = (typeof KINDS)[number];

/** Drawn by themselves, after all others. */
const LATER_KINDS: ReadonlySet<Kind> = new Set<Kind>(KINDS.slice(KINDS.indexOf('system-taint')));

export interface DaemonSetSpec {
  readonly name: string;
  readonly strategy: 'AdvancedRollingUpdate' | 'OTA';
  readonly maxUnavailable: string;
  readonly minReadySeconds: number;
  /** '' for all pools. */
  readonly pool: string;
  readonly toleratesAll: boolean;
  /** '' for the default. */
  readonly progressDeadlineSeconds: string;
  readonly isForceDeleteStuck: boolean;
  readonly skipsCordoned: boolean;
  /** The pods' own grace period. */
  readonly graceSeconds: number;
}

/** What one seed stands for. Only data: the same spec gives the same run. */
export interface Spec {
  readonly seed: number;
  readonly nodes: number;
  readonly daemonSets: readonly DaemonSetSpec[];
  readonly replicas: number;
  readonly lanes: number;
  readonly qps: number;
  readonly maxInFlight: number;
  readonly startupMs: number;
  readonly terminationMs: number;
  readonly podsPerSecond: number;
  readonly reactionMs: number;
  /** One way, on average. */
  readonly latencyMs: number;
  readonly pageLimit: number;
  /** Slots that the controller looks at in one go after a change. */
  readonly slotsATurn: number;
  /** How long things go wrong. */
  readonly faultMs: number;
  /** How long a process gathers inputs before it decides: hardly at all, or as the program does. */
  readonly gatherMs: number;
  /** Nodes are in zones. */
  readonly hasZones: boolean;
  /** What happens, with its intensity in (0, 1]: a share of requests, or a rate. */
  readonly kinds: ReadonlyMap<Kind, number>;
}

export interface Overrides {
  readonly nodes?: number;
  readonly minutes?: number;
  readonly daemonSets?: number;
  readonly without?: readonly Kind[];
}

/** Kinds that happen in nearly every seed: without them there is no rollout to watch. */
const COMMON: ReadonlySet<Kind> = new Set<Kind>(['template', 'rollback']);

/** In most seeds where anything goes wrong at all: a change of mind while something is put off is rare by itself. */
const OFTEN: ReadonlySet<Kind> = new Set<Kind>(['strategy', 'throttled']);

/** In larger clusters more happens in a minute, so things go wrong for fewer of them. */
const FULL_TIME_NODES = 75;

export function specOf(seed: number, overrides: Overrides = {}): Spec {
  const random = createRandom(seed);
  const drawnNodes = Math.round(logUniform(random, 1, 200));
  const more = createRandom(seed ^ 0x0dd5);
  const daemonSets = drawDaemonSets(random, drawnNodes).map((daemonSet) => withMore(daemonSet, more));
  const nodes = overrides.nodes ?? drawnNodes;
  const base = {
    seed,
    nodes,
    daemonSets: daemonSets.slice(0, overrides.daemonSets ?? daemonSets.length),
    replicas: random() < 0.4 ? 2 : 1,
    lanes: 1 + randomBelow(random, 4),
    qps: pick(random, [0, 0, 50, 10, 3]),
    maxInFlight: pick(random, [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 250, 5]),
    startupMs: logUniform(random, 300, 15_000),
    terminationMs: logUniform(random, 100, 5000),
    podsPerSecond: logUniform(random, 5, 200),
    reactionMs: logUniform(random, 10, 2000),
    latencyMs: logUniform(random, 1, 60),
    pageLimit: pick(random, [500, 500, 7, 50]),
  };
  // Drawn whether it is wanted or not: what comes after it must not depend on that.
  const minutes = logUniform(random, 1.5, 8) * Math.min(1, FULL_TIME_NODES / nodes);
  const faultMs = (overrides.minutes ?? minutes) * 60_000;
  const kinds = drawKinds(random);
  const gatherMs = pick(random, [1, GATHER_MS]);
  drawHold(createRandom(seed ^ 0x401d), kinds);
  drawSuspension(createRandom(seed ^ 0x50ff), kinds);
  const hasZones = more() < 0.8;
  drawLaterKinds(more, kinds);
  const slotsATurn = pick(more, [3, 20, 2000, 2000]);
  for (const kind of overrides.without ?? []) kinds.delete(kind);
  // With a small budget nothing is left to decide after half of the pods went.
  const isLarge = base.nodes > 40 && kinds.has('mass-delete');
  const roomy = isLarge
    ? base.daemonSets.map((daemonSet) => ({ ...daemonSet, maxUnavailable: '100%', pool: '' }))
    : base.daemonSets;
  const replicas = kinds.has('two-leaders') || kinds.has('suspend') ? 2 : base.replicas;
  return { ...base, faultMs, gatherMs, hasZones, slotsATurn, daemonSets: roomy, replicas, kinds };
}

function drawDaemonSets(random: Random, nodes: number): Omit<DaemonSetSpec, 'skipsCordoned' | 'graceSeconds'>[] {
  const most = nodes > 100 ? 2 : 4;
  const count = random() < 0.6 ? 1 : 1 + randomBelow(random, most);
  return Array.from({ length: count }, (_, index) => ({
    name: `agent-${index + 1}`,
    strategy: random() < 0.8 ? 'AdvancedRollingUpdate' : 'OTA',
    maxUnavailable: drawMaxUnavailable(random),
    minReadySeconds: pick(random, [0, 0, 0, 5, 20]),
    pool: pick(random, ['', '', 'edge', 'general']),
    toleratesAll: random() < 0.5,
    progressDeadlineSeconds: pick(random, ['', '', '20', '60']),
    isForceDeleteStuck: random() < 0.3,
  }));
}

function withMore(daemonSet: ReturnType<typeof drawDaemonSets>[number], random: Random): DaemonSetSpec {
  return { ...daemonSet, skipsCordoned: random() < 0.2, graceSeconds: pick(random, [30, 30, 5, 90]) };
}

export function drawMaxUnavailable(random: Random): string {
  return pick(random, ['1', '1', '2', '3', '10%', '10%', '25%', '50%', '100%', '0', 'none']);
}

/** With these no process is late for more than its latency. */
const HARMLESS: ReadonlySet<Kind> = new Set<Kind>([
  'template',
  'rollback',
  'new-node',
  'resize',
  'clock-drift',
  'restart',
]);

/** Whether nothing but users, and time, is at work. */
export function isHarmless({ kinds }: Spec): boolean {
  return kinds.keys().every((kind) => HARMLESS.has(kind));
}

/** After all others, so that seeds which were there before keep their meaning. */
const DRAWN_LATER: ReadonlySet<Kind> = new Set<Kind>(['hold', 'suspend', 'wall-step']);

/** From a calm cluster to one where nearly everything goes wrong. */
function drawKinds(random: Random): Map<Kind, number> {
  const share = pick(random, [0, 0.1, 0.25, 0.25, 0.5, 0.8]);
  const kinds = new Map<Kind, number>();
  for (const kind of KINDS) {
    if (DRAWN_LATER.has(kind) || LATER_KINDS.has(kind)) continue;
    const often = COMMON.has(kind) ? 0.9 : OFTEN.has(kind) && share > 0 ? 0.6 : 0;
    const [isIn, intensity] = [random() < Math.max(share, often), random()];
    if (isIn) kinds.set(kind, 0.02 + 0.98 * intensity * intensity);
  }
  return kinds;
}

function drawHold(random: Random, kinds: Map<Kind, number>): void {
  const [isIn, intensity] = [random() < 0.25, random()];
  if (isIn) kinds.set('hold', 0.05 + 0.95 * intensity);
}

function drawSuspension(random: Random, kinds: Map<Kind, number>): void {
  for (const kind of ['suspend', 'wall-step'] as const) {
    const [isIn, intensity] = [random() < 0.15, random()];
    if (isIn) kinds.set(kind, 0.05 + 0.95 * intensity);
  }
}

function drawLaterKinds(random: Random, kinds: Map<Kind, number>): void {
  const share = pick(random, [0, 0, 0.15, 0.3, 0.5]);
  for (const kind of LATER_KINDS) {
    const [isIn, intensity] = [random() < share, random()];
    if (isIn) kinds.set(kind, 0.05 + 0.95 * intensity * intensity);
  }
}

export function logUniform(random: Random, low: number, high: number): number {
  return low * (high / low) ** random();
}

export function pick<T>(random: Random, items: readonly T[]): T {
  return items[randomBelow(random, items.length)] as T;
}

/** The command that runs this seed again. */
export function commandOf(seed: number, overrides: Overrides = {}): string {
  const parts = [`npm run sim -- --seed ${seed}`];
  if (overrides.nodes !== undefined) parts.push(`--nodes ${overrides.nodes}`);
  if (overrides.daemonSets !== undefined) parts.push(`--daemonsets ${overrides.daemonSets}`);
  if (overrides.minutes !== undefined) parts.push(`--minutes ${overrides.minutes}`);
  if (overrides.without !== undefined && overrides.without.length > 0) {
    parts.push(`--without ${overrides.without.join(',')}`);
  }
  return parts.join(' ');
}
