import { clipLine, oneLine } from '../kube/one-line.ts';
import type { PodRecord } from '../kube/records.ts';
import { identityProblem, isNameUsable, nameProblem } from './object-name.ts';

/** What both decoders (protobuf and JSON) collect from a pod before it becomes a record. */
export class PodFacts {
  namespace = '';
  name = '';
  uid = '';
  resourceVersion = '';
  createdAtMs = 0;
  deletionAtMs: number | undefined = undefined;
  deletionGraceSeconds: number | undefined = undefined;
  ownerUid: string | undefined = undefined;
  revisionHash: string | undefined = undefined;
  templateGeneration: string | undefined = undefined;
  deletionCost = '';
  nodeName = '';
  affinityNodeName = '';
  phase = '';
  reason = '';
  message = '';
  isReady = false;
  readyChangedAtMs: number | undefined = undefined;
  scheduledStatus = '';
  scheduledReason = '';
  needUpgradeStatus: string | undefined = undefined;
  needUpgradeMessage = '';
  /** Of the first init container that is in trouble. */
  initTrouble: string | undefined = undefined;
  /** Of the first container that is in trouble. */
  containerTrouble: string | undefined = undefined;
}

/** Reasons are words; whoever writes them may write more. */
const TROUBLE_CHARACTERS_MAX = 128;
const TROUBLE_MESSAGE_CHARACTERS_MAX = 160;
const MESSAGE_CHARACTERS_MAX = 300;

export class ContainerFacts {
  waitingReason = '';
  terminatedReason = '';
  terminatedExitCode = 0;
  lastExitCode: number | undefined = undefined;
}

export const OWNED_LABELS = ['controller-revision-hash', 'pod-template-generation'] as const;
export const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';

/** Reasons of containers that are on their way, not in trouble. */
const STARTING = new Set(['', 'ContainerCreating', 'PodInitializing']);

/** What is wrong with a container, in the kubelet's words; undefined when nothing is. */
export function containerTrouble(container: ContainerFacts): string | undefined {
  const { waitingReason, terminatedReason, terminatedExitCode, lastExitCode } = container;
  if (!STARTING.has(waitingReason)) {
    return lastExitCode === undefined ? waitingReason : `${waitingReason} (exit code ${lastExitCode})`;
  }
  if (terminatedExitCode !== 0) return `${terminatedReason || 'Error'} (exit code ${terminatedExitCode})`;
  return undefined;
}

export type RecordResult<T> =
  | { readonly ok: true; readonly record: T }
  | ({ readonly ok: false; readonly code: 'malformed' } & Unreadable);

/** `namespace` '' for what is in none. */
export interface ObjectName {
  readonly namespace: string;
  readonly name: string;
}

/** An object that cannot be used: why, and which it is. Without a name that can be one no record is about it. */
export interface Unreadable {
  readonly message: string;
  readonly object?: ObjectName;
}

export function malformed(
  message: string,
  object?: ObjectName,
): { readonly ok: false; readonly code: 'malformed' } & Unreadable {
  const why = { ok: false, code: 'malformed', message: oneLine(message, MESSAGE_CHARACTERS_MAX) } as const;
  return object !== undefined && isNameUsable(object) ? { ...why, object } : why;
}

export function podRecord(facts: PodFacts): RecordResult<PodRecord> {
  const nodeName = facts.nodeName || facts.affinityNodeName;
  const problem =
    identityProblem({
      namespace: facts.namespace,
      name: facts.name,
      uid: facts.uid,
      resourceVersion: facts.resourceVersion,
      isNamespaced: true,
    }) ?? (nodeName === '' ? undefined : nameProblem('spec.nodeName', nodeName));
  if (problem !== undefined) return unreadablePod(facts, problem);
  const message = isKubeletReasonTold(facts) ? clipLine(facts.message, TROUBLE_MESSAGE_CHARACTERS_MAX) : '';
  return {
    ok: true,
    record: {
      namespace: facts.namespace,
      name: facts.name,
      uid: facts.uid,
      resourceVersion: facts.resourceVersion,
      ownerUid: facts.ownerUid,
      nodeName,
      revisionHash: facts.revisionHash,
      templateGeneration: facts.templateGeneration,
      deletionCost: deletionCost(facts.deletionCost),
      phase: facts.phase,
      createdAtMs: facts.createdAtMs,
      isTerminating: facts.deletionAtMs !== undefined,
      deletionAtMs: facts.deletionAtMs,
      deletionGraceMs: graceMs(facts.deletionGraceSeconds),
      isReady: facts.isReady,
      readyChangedAtMs: facts.readyChangedAtMs,
      needUpgrade:
        facts.needUpgradeStatus === undefined
          ? undefined
          : { status: facts.needUpgradeStatus, message: facts.needUpgradeMessage },
      trouble: podTrouble(facts),
      ...(message === '' ? undefined : { troubleMessage: message }),
    },
  };
}

export function unreadablePod({ namespace, name }: PodFacts, problem: string): RecordResult<PodRecord> {
  return malformed(`pod ${namespace.slice(0, 64)}/${name.slice(0, 64)}: ${problem}`, { namespace, name });
}

function graceMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.max(0, seconds) * 1000;
}

/** The kubelet refused the pod (`OutOfcpu`, `NodeAffinity` …) or ended it (`Evicted`, `Preempting` …). Containers that died of it show exit codes alone. */
function isKubeletReasonTold({ phase, reason }: PodFacts): boolean {
  return phase === 'Failed' && reason !== '';
}

function podTrouble(facts: PodFacts): string | undefined {
  if (isKubeletReasonTold(facts)) return oneLine(facts.reason, TROUBLE_CHARACTERS_MAX) || 'Failed';
  const trouble = facts.initTrouble ?? facts.containerTrouble;
  if (trouble !== undefined) return oneLine(trouble, TROUBLE_CHARACTERS_MAX);
  if (facts.scheduledStatus === 'False') {
    return oneLine(facts.scheduledReason, TROUBLE_CHARACTERS_MAX) || 'Unschedulable';
  }
  if (facts.phase === 'Failed') return 'Failed';
  return facts.reason === '' ? undefined : oneLine(facts.reason, TROUBLE_CHARACTERS_MAX) || undefined;
}

/** As Kubernetes reads the annotation (pkg/apis/core/helper, GetDeletionCostFromPodAnnotations): a 32-bit integer. */
function deletionCost(text: string): number {
  if (text === '' || !/^(?:0|[1-9]\d{0,9}|-\d{1,10})$/.test(text)) return 0;
  const value = Number(text) + 0;
  return value >= -(2 ** 31) && value < 2 ** 31 ? value : 0;
}
