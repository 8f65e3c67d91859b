import type { LaneSetting } from '../dispatch/lane-count.ts';
import { DEFAULT_ELECTION_TIMINGS, type ElectionTimings, problemOfTimings } from '../election/lease.ts';
import { IN_FLIGHT_PER_DAEMON_SET_MAX } from '../manager/limits.ts';
import {
  type ClusterOptions,
  DEFAULT_LEADER_ELECT,
  LOG_FORMATS,
  LOG_LEVELS,
  type LogFormat,
  type LogLevel,
  type RunOptions,
} from '../manager/options.ts';
import { parseNamespace, parseObjectName } from '../manager/settings/parse-value.ts';
import {
  type AddressValue,
  bindAddressFlag,
  booleanFlag,
  type CommandDefinition,
  choiceFlag,
  durationFlag,
  type Flag,
  integerFlag,
  nameFlag,
  namespacesFlag,
  textFlag,
  withDefault,
  workersFlag,
} from './flags.ts';

export const clusterFlags: readonly Flag[] = [
  textFlag({ flags: '--kubeconfig <file>', help: 'kubeconfig (default: in-cluster, else as kubectl)' }),
  textFlag({ flags: '--context <name>', help: 'context of the kubeconfig' }),
  booleanFlag(
    { flags: '--insecure-skip-tls-verify', help: 'DANGER: do not check whether it is the API server that answers' },
    false,
  ),
];

/** What commander makes of them. */
export interface ClusterValues {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly insecureSkipTlsVerify: boolean;
}

export function clusterOptionsOf(values: ClusterValues): ClusterOptions {
  const { kubeconfig, context, insecureSkipTlsVerify: shouldSkipTlsVerify } = values;
  return { kubeconfig, context, shouldSkipTlsVerify };
}

/** Where the election's lease is; `where`: the namespace without the flag. */
export function leaseFlags(where: string): readonly Flag[] {
  const namespace = `namespace of the lease (default: ${where})`;
  return [
    withDefault(
      nameFlag({ flags: '--leader-elect-resource-name <name>', help: 'name of the lease' }, parseObjectName),
      DEFAULT_LEADER_ELECT.resourceName,
    ),
    nameFlag({ flags: '--leader-elect-resource-namespace <name>', help: namespace }, parseNamespace),
  ];
}

/** What commander makes of the flags below. */
interface RunValues extends ClusterValues {
  readonly namespace: readonly string[];
  readonly daemonpodupdaterWorkers?: LaneSetting;
  readonly config?: string;
  readonly kubeApiQps: number;
  readonly kubeApiBurst: number;
  readonly maxInFlight?: number;
  readonly maxInFlightPerDaemonset: number;
  readonly metricsBindAddress: AddressValue;
  readonly healthProbeBindAddress: AddressValue;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  readonly dryRun: boolean;
  readonly shutdownGrace: number;
  readonly enableDebugEndpoints: boolean;
  readonly leaderElect: boolean;
  readonly leaderElectLeaseDuration: number;
  readonly leaderElectRenewDeadline: number;
  readonly leaderElectRetryPeriod: number;
  readonly leaderElectResourceName: string;
  readonly leaderElectResourceNamespace?: string;
  readonly leaderElectIgnoreOtherNamespaces: boolean;
}

const RATE_RANGE = { min: 0, max: 1_000_000 };

export const runDefinition: CommandDefinition = {
  name: 'run',
  description: 'the controller',
  flags: [
    ...clusterFlags,
    namespacesFlag({ flags: '-n, --namespace <name>', help: 'only DaemonSets of this namespace; repeatable' }),
    workersFlag(
      'worker threads: 1 to 64, or auto (default: config file, else DAEMONPODUPDATER_WORKERS, else auto)',
      undefined,
    ),
    textFlag({ flags: '--config <file>', help: 'YAML with settings that may change at run time: workers' }),
    withDefault(
      integerFlag(
        { flags: '--kube-api-qps <n>', help: 'most requests of all kinds a second; 0: unlimited' },
        RATE_RANGE,
      ),
      500,
    ),
    withDefault(
      integerFlag({ flags: '--kube-api-burst <n>', help: 'most requests at once; 0: unlimited' }, RATE_RANGE),
      1000,
    ),
    integerFlag(
      { flags: '--max-in-flight <n>', help: 'most deletions under way over all DaemonSets (default: no bound)' },
      { min: 1, max: 100_000 },
    ),
    withDefault(
      integerFlag(
        {
          flags: '--max-in-flight-per-daemonset <n>',
          help: 'most deletions of one DaemonSet under way, whatever its budget; failed nodes do not count',
        },
        { min: 1, max: 100_000 },
      ),
      IN_FLIGHT_PER_DAEMON_SET_MAX,
    ),
    bindAddressFlag({ flags: '--metrics-bind-address <host:port>', help: 'Prometheus metrics; 0: off' }, ':8080'),
    bindAddressFlag(
      {
        flags: '--health-probe-bind-address <host:port>',
        help: '/healthz and /readyz; /admin and /debug for this machine only; 0: off, and the command "workers" cannot work',
      },
      ':8081',
    ),
    choiceFlag({ flags: '--log-level <level>', help: 'least level that is logged' }, LOG_LEVELS, 'info'),
    choiceFlag({ flags: '--log-format <format>', help: 'form of the log' }, LOG_FORMATS, 'json'),
    booleanFlag({ flags: '--dry-run', help: 'name what would be done, write nothing' }, false),
    durationFlag(
      { flags: '--shutdown-grace <duration>', help: 'how long requests under way may take at the end' },
      { min: 0, max: 3_600_000 },
      20_000,
    ),
    booleanFlag(
      { flags: '--enable-debug-endpoints', help: '/debug/pprof on the health port, for this machine only' },
      false,
    ),
    booleanFlag({ flags: '--leader-elect', help: 'only the holder of the lease writes' }, true),
    timingFlag('lease-duration', 'how long others wait before they take over', 'leaseDurationMs'),
    timingFlag('renew-deadline', 'how long the holder may write after its last renewal', 'renewDeadlineMs'),
    timingFlag('retry-period', 'time between two attempts', 'retryPeriodMs'),
    ...leaseFlags('the one it runs in'),
    booleanFlag(
      {
        flags: '--leader-elect-ignore-other-namespaces',
        help: 'start even if a controller leads by a lease of this name in another namespace',
      },
      false,
    ),
  ],
  start({ flags }, handlers) {
    const options = runOptionsOf(flags as unknown as RunValues);
    const problem = problemOfTimings(options.leaderElect.timings);
    return problem === undefined ? { ok: true, value: () => handlers.run(options) } : { ok: false, message: problem };
  },
};

function timingFlag(name: string, help: string, timing: keyof ElectionTimings): Flag {
  const text = { flags: `--leader-elect-${name} <duration>`, help };
  return durationFlag(text, { min: 1, max: 3_600_000 }, DEFAULT_ELECTION_TIMINGS[timing]);
}

function runOptionsOf(values: RunValues): RunOptions {
  return {
    ...clusterOptionsOf(values),
    namespaces: values.namespace,
    workers: values.daemonpodupdaterWorkers,
    configFile: values.config,
    kubeApiQps: values.kubeApiQps,
    kubeApiBurst: values.kubeApiBurst,
    maxInFlight: values.maxInFlight,
    maxInFlightPerDaemonSet: values.maxInFlightPerDaemonset,
    metricsAddress: values.metricsBindAddress.address,
    healthAddress: values.healthProbeBindAddress.address,
    logLevel: values.logLevel,
    logFormat: values.logFormat,
    isDryRun: values.dryRun,
    shutdownGraceMs: values.shutdownGrace,
    hasDebugEndpoints: values.enableDebugEndpoints,
    leaderElect: {
      isEnabled: values.leaderElect,
      timings: {
        leaseDurationMs: values.leaderElectLeaseDuration,
        renewDeadlineMs: values.leaderElectRenewDeadline,
        retryPeriodMs: values.leaderElectRetryPeriod,
      },
      resourceName: values.leaderElectResourceName,
      resourceNamespace: values.leaderElectResourceNamespace,
      shouldIgnoreOthers: values.leaderElectIgnoreOtherNamespaces,
    },
  };
}
