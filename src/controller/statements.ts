import type { PolicyProblem, PolicyResult } from '../kube/annotations.ts';
import type { LogFields, LogLevel } from './ports.ts';

/** Reasons of the Kubernetes Events; operators match on them, so they are never renamed. */
export const REASONS = {
  started: 'RolloutStarted',
  progress: 'RolloutProgress',
  completed: 'RolloutCompleted',
  superseded: 'RolloutSuperseded',
  paused: 'RolloutPaused',
  resumed: 'RolloutResumed',
  nodeFailed: 'NodeUpdateFailed',
  stuckForced: 'StuckPodForceDeleted',
  repeated: 'ReplacementRepeated',
  nodeRecovered: 'NodeUpdateRecovered',
  viewStale: 'ViewStale',
  viewCurrent: 'ViewCurrent',
  writeForbidden: 'WriteForbidden',
  writeRejected: 'WriteRejected',
  notOnDelete: 'NotOnDelete',
  unknownStrategy: 'UnknownUpdateStrategy',
  badAnnotation: 'BadAnnotation',
  badSelector: 'BadSelector',
} as const;

type Reason = (typeof REASONS)[keyof typeof REASONS];

/** Something to be said as an event and a log line. */
export interface Statement {
  readonly level: LogLevel;
  readonly reason: Reason;
  readonly message: string;
  readonly fields?: LogFields;
  /** See DaemonSetEvent. Of a rollout: its revision, but no durations, which would make every event of nodes that come and go a new one. */
  readonly topic?: string;
}

export const BAD_SELECTOR: Statement = {
  level: 'warn',
  reason: REASONS.badSelector,
  message: 'spec.selector cannot be written as a label selector, so no pods are read; nothing is updated',
};

/** What is wrong with how a DaemonSet opted in. */
export function complaintsOf(result: PolicyResult): Statement[] {
  switch (result.kind) {
    case 'not-opted-in':
      return [];
    case 'refused': {
      const reason = result.code === 'not-on-delete' ? REASONS.notOnDelete : REASONS.unknownStrategy;
      return [{ level: 'warn', reason, message: `not updated: ${result.message}` }];
    }
    case 'policy':
      return result.problems.map(({ annotation, message }: PolicyProblem) => {
        return { level: 'warn', reason: REASONS.badAnnotation, message: `annotation ${annotation}: ${message}` };
      });
  }
}

export function isSameText(left: readonly Statement[], right: readonly Statement[]): boolean {
  return left.length === right.length && left.every(({ message }, index) => message === right[index]?.message);
}
