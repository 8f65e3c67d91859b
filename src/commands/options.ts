import type { LaneSetting } from '../dispatch/lane-count.ts';
import { DEFAULT_ELECTION_TIMINGS, type ElectionTimings } from '../election/lease.ts';
import type { IntOrPercent } from '../kube/int-or-percent.ts';
import type { BindAddress } from '../server/bind-address.ts';

/** Which cluster; without kubeconfig and context: in-cluster, else the usual kubeconfig rules. */
export interface ClusterOptions {
  readonly kubeconfig: string | undefined;
  readonly context: string | undefined;
  readonly shouldSkipTlsVerify: boolean;
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export const LOG_FORMATS = ['json', 'pretty'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = (typeof LOG_FORMATS)[number];

export interface LeaderElectOptions {
  readonly isEnabled: boolean;
  readonly timings: ElectionTimings;
  readonly resourceName: string;
  /** Undefined: the namespace that the program runs in. */
  readonly resourceNamespace: string | undefined;
  /** Lead even if somebody leads by a lease of the same name in another namespace. */
  readonly shouldIgnoreOthers: boolean;
}

export interface RunOptions extends ClusterOptions {
  /** Empty: all. */
  readonly namespaces: readonly string[];
  /** Undefined: the config file, the environment and then the default are asked. */
  readonly workers: LaneSetting | undefined;
  /** Undefined: none. */
  readonly configFile: string | undefined;
  /** 0: unlimited. */
  readonly kubeApiQps: number;
  readonly kubeApiBurst: number;
  /** Over all DaemonSets; undefined: no bound. */
  readonly maxInFlight: number | undefined;
  readonly maxInFlightPerDaemonSet: number;
  /** Undefined: off. */
  readonly metricsAddress: BindAddress | undefined;
  readonly healthAddress: BindAddress | undefined;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  readonly isDryRun: boolean;
  /** How long requests that are on their way may take at the end. */
  readonly shutdownGraceMs: number;
  /** Profiles of the running process, for this machine only. */
  readonly hasDebugEndpoints: boolean;
  readonly leaderElect: LeaderElectOptions;
}

export const STRATEGIES = ['AdvancedRollingUpdate', 'OTA'] as const;
export const REPORT_FORMATS = ['text', 'json'] as const;

export interface SimulateOptions {
  readonly nodes: number;
  readonly maxUnavailable: IntOrPercent;
  readonly strategy: (typeof STRATEGIES)[number];
  readonly notReadyPercent: number;
  readonly startupMs: number;
  readonly badNodesPercent: number;
  readonly daemonSets: number;
  readonly workers: LaneSetting;
  /** Undefined: draw one, and say which. */
  readonly seed: number | undefined;
  /** 1 is real time. */
  readonly speed: number;
  readonly timeoutMs: number;
  readonly report: (typeof REPORT_FORMATS)[number];
  /** Where to write a picture of the live view; undefined: none. */
  readonly pictureFile: string | undefined;
}

export const OUTPUT_FORMATS = ['table', 'json'] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];

/** Where the leader's lease is. */
export interface LeaseOptions {
  readonly leaseName: string;
  /** Undefined: where deploy/ puts it, then the kubeconfig's namespace. */
  readonly leaseNamespace: string | undefined;
}

export interface PlanOptions extends ClusterOptions, LeaseOptions {
  readonly daemonSet: string;
  /** Undefined: the kubeconfig's namespace, else `default`. */
  readonly namespace: string | undefined;
  readonly output: OutputFormat;
}

export interface StatusOptions extends ClusterOptions, LeaseOptions {
  /** Undefined: all that have opted in. */
  readonly daemonSet: string | undefined;
  /** Empty: all. */
  readonly namespaces: readonly string[];
  readonly isWatch: boolean;
  readonly output: OutputFormat;
  /** Health address of a running controller on this machine, to be asked; undefined: the leader's lease is read. */
  readonly controller: BindAddress | undefined;
}

export interface WorkersOptions {
  /** Undefined: only show. */
  readonly setting: LaneSetting | undefined;
  /** Of the process' health server. */
  readonly address: BindAddress;
  readonly output: OutputFormat;
}

/** Each command's work; resolves with the exit code. */
export interface CommandHandlers {
  run(options: RunOptions): Promise<number>;
  simulate(options: SimulateOptions): Promise<number>;
  plan(options: PlanOptions): Promise<number>;
  status(options: StatusOptions): Promise<number>;
  workers(options: WorkersOptions): Promise<number>;
}

/** The namespace of deploy/base. */
export const DEPLOYED_NAMESPACE = 'daemonpodupdater';

export const DEFAULT_LEADER_ELECT: LeaderElectOptions = {
  isEnabled: true,
  timings: DEFAULT_ELECTION_TIMINGS,
  resourceName: 'daemonpodupdater',
  resourceNamespace: undefined,
  shouldIgnoreOthers: false,
};
