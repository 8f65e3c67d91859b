import type { LaneSetting } from '../dispatch/lane-count.ts';
import type { IntOrPercent } from '../kube/int-or-percent.ts';
import {
  type CommandDefinition,
  choiceFlag,
  decimalFlag,
  durationFlag,
  integerFlag,
  maxUnavailableFlag,
  percentFlag,
  textFlag,
  withDefault,
  workersFlag,
} from './flags.ts';
import { REPORT_FORMATS, type SimulateOptions, STRATEGIES } from './options.ts';

/** What commander makes of the flags below. */
interface SimulateValues {
  readonly nodes: number;
  readonly maxUnavailable: IntOrPercent;
  readonly strategy: SimulateOptions['strategy'];
  readonly notReady: number;
  readonly startup: number;
  readonly badNodes: number;
  readonly daemonsets: number;
  readonly daemonpodupdaterWorkers: LaneSetting;
  readonly seed?: number;
  readonly speed: number;
  readonly timeout: number;
  readonly report: SimulateOptions['report'];
  readonly picture?: string;
}

const HOUR_MS = 3_600_000;

export const simulateDefinition: CommandDefinition = {
  name: 'simulate',
  description: 'a rollout on the built-in simulated cluster',
  flags: [
    withDefault(integerFlag({ flags: '--nodes <n>', help: 'simulated nodes' }, { min: 1, max: 100_000 }), 1000),
    maxUnavailableFlag(
      { flags: '--max-unavailable <n|percent>', help: 'nodes without an available pod at once' },
      '10%',
    ),
    choiceFlag(
      { flags: '--strategy <name>', help: 'replace the pods, or only mark them' },
      STRATEGIES,
      'AdvancedRollingUpdate',
    ),
    percentFlag({ flags: '--not-ready <percent>', help: 'nodes that go NotReady; some return' }),
    durationFlag({ flags: '--startup <duration>', help: 'until a new pod is ready' }, { min: 0, max: HOUR_MS }, 2000),
    percentFlag({ flags: '--bad-nodes <percent>', help: 'nodes where the new pod never becomes ready' }),
    withDefault(integerFlag({ flags: '--daemonsets <n>', help: 'rollouts at once' }, { min: 1, max: 100 }), 1),
    workersFlag('worker threads: 1 to 64, or auto', 'auto'),
    integerFlag(
      { flags: '--seed <n>', help: 'of everything random (default: drawn, and shown)' },
      { min: 0, max: 2 ** 32 - 1 },
    ),
    withDefault(
      decimalFlag(
        { flags: '--speed <factor>', help: 'how much quicker than real the simulated kubelets are' },
        { min: 0.01, max: 1000 },
      ),
      1,
    ),
    durationFlag(
      { flags: '--timeout <duration>', help: 'give up after' },
      { min: 1000, max: 24 * HOUR_MS },
      10 * 60_000,
    ),
    choiceFlag({ flags: '--report <format>', help: 'form of the report' }, REPORT_FORMATS, 'text'),
    textFlag({ flags: '--picture <file>', help: 'write the live view, as it is halfway, as SVG' }),
  ],
  start({ flags }, handlers) {
    const options = simulateOptionsOf(flags as unknown as SimulateValues);
    return { ok: true, value: () => handlers.simulate(options) };
  },
};

function simulateOptionsOf(values: SimulateValues): SimulateOptions {
  return {
    nodes: values.nodes,
    maxUnavailable: values.maxUnavailable,
    strategy: values.strategy,
    notReadyPercent: values.notReady,
    startupMs: values.startup,
    badNodesPercent: values.badNodes,
    daemonSets: values.daemonsets,
    workers: values.daemonpodupdaterWorkers,
    seed: values.seed,
    speed: values.speed,
    timeoutMs: values.timeout,
    report: values.report,
    pictureFile: values.picture,
  };
}
