import type { DaemonSetRecord, NodeRecord, PodRecord, RevisionRecord } from '../../src/kube/records.ts';
import type { Outcome, OutcomeCode } from '../../src/protocol/outcome.ts';
import { daemonSetKey, type SlotKey, slotKey } from '../../src/protocol/slot.ts';
import type { Task } from '../../src/protocol/task.ts';
import { Rollout } from '../../src/rollout/rollout.ts';

/** The tests' noon; API times before it are history. */
export const T0 = 1_700_000_000_000;
export const DS_UID = 'ds-uid';
/** Of the template of every DaemonSet and revision, unless a test says otherwise. */
const TEMPLATE_DIGEST = 'template';
export const KEY = daemonSetKey('kube-system', 'agent');

export function slot(node: string): SlotKey {
  return slotKey(KEY, node);
}

export function daemonSet(changes: Partial<DaemonSetRecord> = {}): DaemonSetRecord {
  return Object.freeze({
    namespace: 'kube-system',
    name: 'agent',
    uid: DS_UID,
    resourceVersion: '1',
    generation: 1,
    observedGeneration: 1,
    createdAtMs: 0,
    annotations: { 'apps.openyurt.io/update-strategy': 'AdvancedRollingUpdate' },
    updateStrategyType: 'OnDelete',
    minReadySeconds: 0,
    selector: { matchLabels: { app: 'agent' }, matchExpressions: [] },
    placement: {
      nodeName: '',
      nodeSelector: {},
      requiredNodeTerms: undefined,
      tolerations: [],
      isHostNetwork: false,
    },
    templateDigest: TEMPLATE_DIGEST,
    isTerminating: false,
    ...changes,
  });
}

/** Annotations of an AdvancedRollingUpdate with that budget. */
export function budget(maxUnavailable: string, others: Record<string, string> = {}): Record<string, string> {
  return {
    'apps.openyurt.io/update-strategy': 'AdvancedRollingUpdate',
    'apps.openyurt.io/max-unavailable': maxUnavailable,
    ...others,
  };
}

export function node(name: string, changes: Partial<NodeRecord> = {}): NodeRecord {
  return Object.freeze({
    namespace: '',
    name,
    uid: `node-${name}`,
    resourceVersion: '1',
    labels: {},
    taints: [],
    createdAtMs: T0 - 86_400_000,
    isReady: true,
    readyChangedAtMs: T0 - 86_400_000,
    ...changes,
  });
}

export function revision(hash: string, number: number, changes: Partial<RevisionRecord> = {}): RevisionRecord {
  return Object.freeze({
    namespace: 'kube-system',
    name: `agent-${hash}`,
    uid: `rev-${hash}`,
    resourceVersion: '1',
    ownerUid: DS_UID,
    revision: number,
    hash,
    templateDigest: TEMPLATE_DIGEST,
    createdAtMs: T0 - 7_200_000 + number,
    ...changes,
  });
}

/** A Running, Ready pod, an hour old. */
export function pod(nodeName: string, revisionHash: string, changes: Partial<PodRecord> = {}): PodRecord {
  const uid = changes.uid ?? `${nodeName}-${revisionHash}`;
  return Object.freeze({
    namespace: 'kube-system',
    name: `agent-${uid}`,
    uid,
    resourceVersion: '1',
    ownerUid: DS_UID,
    nodeName,
    revisionHash,
    templateGeneration: undefined,
    deletionCost: 0,
    phase: 'Running',
    createdAtMs: T0 - 3_600_000,
    isTerminating: false,
    deletionAtMs: undefined,
    isReady: true,
    readyChangedAtMs: T0 - 3_590_000,
    needUpgrade: undefined,
    trouble: undefined,
    ...changes,
  });
}

export function outcome(task: Task, code: OutcomeCode, changes: Partial<Outcome> = {}): Outcome {
  return {
    slot: task.slot,
    action: task.action,
    uid: task.uid,
    code,
    httpStatus: code === 'done' ? 200 : 0,
    message: '',
    retryAfterMs: 0,
    durationMs: 1,
    isTerminating: false,
    ...changes,
  };
}

export interface Setup {
  readonly nodes?: readonly NodeRecord[];
  readonly pods?: readonly PodRecord[];
  readonly revisions?: readonly RevisionRecord[];
  readonly daemonSet?: DaemonSetRecord;
  readonly nowMs?: number;
}

/** A rollout that has read everything: by default revision `new` is the newest, after `old`. */
export function syncedRollout(setup: Setup): Rollout {
  const nowMs = setup.nowMs ?? T0;
  const rollout = new Rollout({ key: KEY, namespace: 'kube-system', name: 'agent', uid: DS_UID });
  rollout.setDaemonSet(setup.daemonSet ?? daemonSet(), nowMs);
  for (const item of setup.revisions ?? [revision('old', 1), revision('new', 2)]) rollout.upsertRevision(item, nowMs);
  for (const item of setup.nodes ?? []) rollout.upsertNode(item, nowMs);
  for (const item of setup.pods ?? []) rollout.upsertPod(item, nowMs);
  rollout.setSynced(true, nowMs);
  return rollout;
}

/** `count` nodes n01, n02 … that run a pod of `hash`. */
export function cluster(count: number, hash = 'old'): { nodes: NodeRecord[]; pods: PodRecord[] } {
  const names = Array.from({ length: count }, (_, index) => `n${String(index + 1).padStart(2, '0')}`);
  return { nodes: names.map((name) => node(name)), pods: names.map((name) => pod(name, hash)) };
}

/** The plan as `node: reason`, for comparing in one go. */
export function reasons(rollout: Rollout, nowMs: number): Record<string, string> {
  return Object.fromEntries(rollout.plan(nowMs).map(({ node: name, reason }) => [name, reason]));
}
