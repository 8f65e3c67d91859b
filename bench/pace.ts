/**
 * The adaptive window against every fixed one, on modelled clusters in virtual time: wall time and unavailable pod-seconds.
 *
 * `node bench/pace.ts [--seeds 3] [--nodes 2000] [--budget 200]`
 */
import { parseArgs } from 'node:util';
import { AdaptivePace } from '../src/rollout/adaptive-pace.ts';
import { MaxPace } from '../src/rollout/pace.ts';
import { type ClusterModel, runModel } from '../test/rollout/pace-model.ts';
import { machine, printTable } from './report.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '3' },
    nodes: { type: 'string', default: '2000' },
    budget: { type: 'string', default: '200' },
  },
});

const SHOWN_WINDOWS = [10, 20, 40, 60, 80, 100, 150, 200];
/** Of native RollingUpdate on the real control plane that the CPU-bound models are fitted to. */
const NATIVE = { wallSeconds: 31, podSeconds: 3932 };

interface Figures {
  readonly window: number;
  readonly wallSeconds: number;
  readonly podSeconds: number;
}

type Case = Partial<ClusterModel> & { readonly isRealLike?: boolean };

const BASE: ClusterModel = {
  nodes: Number(values.nodes),
  budget: Number(values.budget),
  seed: 1,
  terminationMs: 250,
  startupMs: 1000,
  sigma: 0.3,
  latencyMs: 20,
  recreation: { kind: 'queue', perSecond: 60 },
  sampleMs: 0,
};

const CASES: Readonly<Record<string, Case>> = {
  'start-up 1 s': { startupMs: 1000 },
  'start-up 3 s': { startupMs: 3000 },
  'start-up 10 s': { startupMs: 10_000 },
  'start-up 30 s': { startupMs: 30_000 },
  'start-up 2 min': { startupMs: 120_000 },
  'start-up 2 min, wide': { startupMs: 120_000, sigma: 0.6 },
  'CPU-bound, re-creation': cpuBound({ terminate: 0.1, recreate: 0.8, start: 0.1 }),
  'CPU-bound, evenly': cpuBound({ terminate: 0.3, recreate: 0.4, start: 0.3 }),
  'CPU-bound, start': cpuBound({ terminate: 0.15, recreate: 0.15, start: 0.7 }),
  'CPU-bound, in passes': {
    isRealLike: true,
    terminationMs: 20,
    startupMs: 40,
    latencyMs: 10,
    recreation: { kind: 'passes', passMs: 100, podMs: 15 },
  },
};

/** Fitted to what was measured: 20 in flight 42 s and 746 pod-seconds, 40: 36 s and 1,281, 200: 32.4 s. */
function cpuBound(share: { terminate: number; recreate: number; start: number }): Case {
  return {
    isRealLike: true,
    terminationMs: 0,
    startupMs: 0,
    recreation: { kind: 'shared', perSecond: 67, half: 5, share },
  };
}

/** The mean over the seeds; window 0 is the adaptive one. */
function measure(model: Case, window: number): Figures {
  const count = Number(values.seeds);
  let wallSeconds = 0;
  let podSeconds = 0;
  for (let seed = 1; seed <= count; seed += 1) {
    const fixed = window === 0 ? {} : { fixedWindow: window };
    const result = runModel({ ...BASE, ...model, seed, ...fixed }, window === 0 ? new AdaptivePace() : new MaxPace());
    wallSeconds += result.wallMs / 1000 / count;
    podSeconds += result.podSeconds / count;
  }
  return { window, wallSeconds, podSeconds };
}

function least(all: readonly Figures[], by: 'wallSeconds' | 'podSeconds'): Figures {
  return all.reduce((best, other) => (other[by] < best[by] ? other : best));
}

function both({ wallSeconds, podSeconds }: Figures): string {
  return `${wallSeconds.toFixed(1)} s ${podSeconds.toFixed(0)}`;
}

const started = performance.now();
const adaptiveRows: Record<string, string>[] = [];
const fixedRows: Record<string, string>[] = [];
for (const [name, model] of Object.entries(CASES)) {
  const all = Array.from({ length: BASE.budget }, (_, index) => measure(model, index + 1));
  const adaptive = measure(model, 0);
  const best = least(all, 'wallSeconds');
  const asQuick = all.filter(({ wallSeconds }) => wallSeconds <= adaptive.wallSeconds);
  const cheapest = least(asQuick.length > 0 ? asQuick : [best], 'podSeconds');
  const wallRatio = adaptive.wallSeconds / (model.isRealLike ? NATIVE.wallSeconds : best.wallSeconds);
  const podRatio = adaptive.podSeconds / (model.isRealLike ? NATIVE.podSeconds : cheapest.podSeconds);
  const [wallMax, podMax] = model.isRealLike ? [1.15, 0.4] : [1.1, 1.3];
  adaptiveRows.push({
    '': name,
    'wall s': adaptive.wallSeconds.toFixed(1),
    'pod-seconds': adaptive.podSeconds.toFixed(0),
    'best fixed wall': `${best.wallSeconds.toFixed(1)} s (${best.window})`,
    'least for as quick': `${cheapest.podSeconds.toFixed(0)} (${cheapest.window})`,
    'wall ×': `${wallRatio.toFixed(3)} of ${wallMax}`,
    'pod-seconds ×': `${podRatio.toFixed(3)} of ${podMax}`,
    against: model.isRealLike ? 'native' : 'fixed',
    met: wallRatio <= wallMax && podRatio <= podMax ? 'yes' : 'NO',
  });
  const shown = all.filter(({ window }) => SHOWN_WINDOWS.includes(window));
  fixedRows.push({
    '': name,
    ...Object.fromEntries(shown.map((figures) => [`fixed ${figures.window}`, both(figures)])),
  });
}

process.stdout.write(
  `${BASE.nodes} nodes, budget ${BASE.budget}, 60 pods/s recreated, ${values.seeds} seeds, ${machine()}\n\n`,
);
printTable(adaptiveRows);
process.stdout.write('\nWall time and unavailable pod-seconds of fixed windows\n');
printTable(fixedRows);
process.stdout.write(`\n${((performance.now() - started) / 1000).toFixed(0)} s\n`);
