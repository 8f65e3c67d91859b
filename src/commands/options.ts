import type { LaneSetting } from '../dispatch/lane-count.ts';
import type { IntOrPercent } from '../kube/int-or-percent.ts';
import type { ClusterOptions, LeaseOptions, RunOptions } from '../manager/options.ts';
import type { BindAddress } from '../server/bind-address.ts';

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
