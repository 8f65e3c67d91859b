import type { RunReport } from '../dispatch/dispatch-stats.ts';
import type { DaemonSetRecord } from '../kube/records.ts';
import type { Outcome } from '../protocol/outcome.ts';
import type { DaemonSetKey } from '../protocol/slot.ts';
import type { TaskBatch } from '../protocol/task.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, string | number | boolean>>;

/** A Kubernetes Event about a DaemonSet, before de-duplication. */
export interface DaemonSetEvent {
  readonly daemonSet: DaemonSetKey;
  readonly uid: string;
  readonly type: 'Normal' | 'Warning';
  /** CamelCase, from the fixed set in notices.ts. */
  readonly reason: string;
  readonly action: string;
  readonly message: string;
  /** Events that differ in this are not one series, whose message is that of the first. */
  readonly topic?: string;
}

/**
 * Everything the controller wants done. It is called synchronously from within an input; an implementation must not call
 * back into the controller from there.
 */
export interface ControllerPorts {
  /** Start reading the pods and revisions of an opted-in DaemonSet; again when its selector changes. */
  follow(daemonSet: DaemonSetRecord): void;
  unfollow(daemonSet: DaemonSetKey): void;
  /** Read its revisions anew, as they are committed now; the answer is `onRevisionsRead`. Until then `follow` does as much. */
  readRevisions(daemonSet: DaemonSetKey): void;
  /** Hand a batch to a lane; the answer comes back as one `onOutcomes` (or `onLaneLost`). */
  send(lane: number, batch: TaskBatch): void;
  recordEvent(event: DaemonSetEvent): void;
  log(level: LogLevel, message: string, fields: LogFields): void;
  /** A task came back, or was lost with its lane (then without a report): for metrics. */
  taskDone(outcome: Outcome, run: RunReport | undefined): void;
}
