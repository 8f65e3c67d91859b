import type { PolicyProblem, PolicyResult } from '../kube/annotations.ts';
import { unknownAnnotations } from '../kube/unknown-annotations.ts';
import type { LogFields, LogLevel } from './ports.ts';

/** Reasons of the Kubernetes Events; operators match on them, so they are never renamed. */
export const REASONS = {
  started: 'RolloutStarted',
  progress: 'RolloutProgress',
  replaced: 'PodsReplaced',
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

/** What is wrong with how a DaemonSet opted in, or may have wanted to. */
export function complaintsOf(result: PolicyResult, annotations: Readonly<Record<string, string>>): Statement[] {
  return [...refusalOf(result), ...unknownAnnotations(annotations).map(badAnnotation)];
}

function refusalOf(result: PolicyResult): Statement[] {
  switch (result.kind) {
    case 'not-opted-in':
      return [];
    case 'refused': {
      const reason = result.code === 'not-on-delete' ? REASONS.notOnDelete : REASONS.unknownStrategy;
      return [{ level: 'warn', reason, message: `not updated: ${result.message}` }];
    }
    case 'policy':
      return result.problems.map(badAnnotation);
  }
}

/** Each is an event of its own: of several with one reason only the first would be read. */
function badAnnotation({ annotation, message }: PolicyProblem): Statement {
  const text = `annotation ${annotation}: ${message}`;
  return { level: 'warn', reason: REASONS.badAnnotation, message: text, topic: text };
}
