import type { LaneSetting } from '../dispatch/lane-count.ts';
import { DEFAULT_ELECTION_TIMINGS, type ElectionTimings } from '../election/lease.ts';
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

/** Where the leader's lease is. */
export interface LeaseOptions {
  readonly leaseName: string;
  /** Undefined: where deploy/ puts it, then the kubeconfig's namespace. */
  readonly leaseNamespace: string | undefined;
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
