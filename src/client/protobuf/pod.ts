import type { PodRecord } from '../../kube/records.ts';
import {
  ContainerFacts,
  containerTrouble,
  DELETION_COST,
  OWNED_LABELS,
  PodFacts,
  podRecord,
  type RecordResult,
  unreadablePod,
} from '../pod-facts.ts';
import { inline, integer, messageTable, nested, readObject, shared, stringEntry, text, time } from './message.ts';
import type { WireReader } from './wire.ts';

// Field numbers: k8s.io/api core/v1/generated.proto and k8s.io/apimachinery meta/v1/generated.proto.

const [HASH_LABEL, GENERATION_LABEL] = OWNED_LABELS;

interface OwnerDraft {
  uid: string;
  isController: boolean;
}

const ownerReference = messageTable<OwnerDraft>({
  4: shared((draft, value) => {
    draft.uid = value;
  }),
  6: integer((draft, value) => {
    draft.isController = value !== 0;
  }),
});

const metadata = messageTable<PodFacts>({
  1: text((draft, value) => {
    draft.name = value;
  }),
  3: shared((draft, value) => {
    draft.namespace = value;
  }),
  5: text((draft, value) => {
    draft.uid = value;
  }),
  6: text((draft, value) => {
    draft.resourceVersion = value;
  }),
  8: time((draft, valueMs) => {
    draft.createdAtMs = valueMs;
  }),
  9: time((draft, valueMs) => {
    draft.deletionAtMs = valueMs;
  }),
  10: integer((draft, value) => {
    draft.deletionGraceSeconds = value;
  }),
  11: stringEntry({
    isWanted: (key) => key === HASH_LABEL || key === GENERATION_LABEL,
    set: (draft, key, value) => {
      if (key === HASH_LABEL) draft.revisionHash = value;
      else draft.templateGeneration = value;
    },
  }),
  12: stringEntry({
    isWanted: (key) => key === DELETION_COST,
    set: (draft, _key, value) => {
      draft.deletionCost = value;
    },
  }),
  13: nested({
    table: ownerReference,
    create: () => ({ uid: '', isController: false }),
    set: (draft, owner) => {
      if (owner.isController) draft.ownerUid = owner.uid;
    },
  }),
});

interface RequirementDraft {
  key: string;
  operator: string;
  values: string[];
}

const requirement = messageTable<RequirementDraft>({
  1: shared((draft, value) => {
    draft.key = value;
  }),
  2: shared((draft, value) => {
    draft.operator = value;
  }),
  3: text((draft, value) => {
    draft.values.push(value);
  }),
});

// affinity → nodeAffinity → required → terms → matchFields: where the DaemonSet controller writes the node's name.
const nodeSelectorTerm = messageTable<PodFacts>({
  2: nested({
    table: requirement,
    create: (): RequirementDraft => ({ key: '', operator: '', values: [] }),
    set: (draft, field) => {
      const [nodeName] = field.values;
      if (field.key === 'metadata.name' && field.operator === 'In' && nodeName) draft.affinityNodeName ||= nodeName;
    },
  }),
});
const nodeSelector = messageTable<PodFacts>({ 1: inline(nodeSelectorTerm) });
const nodeAffinity = messageTable<PodFacts>({ 1: inline(nodeSelector) });
const affinity = messageTable<PodFacts>({ 1: inline(nodeAffinity) });

const spec = messageTable<PodFacts>({
  10: shared((draft, value) => {
    draft.nodeName = value;
  }),
  18: inline(affinity),
});

interface ConditionDraft {
  type: string;
  status: string;
  reason: string;
  message: string;
  changedAtMs: number | undefined;
}

const condition = messageTable<ConditionDraft>({
  1: shared((draft, value) => {
    draft.type = value;
  }),
  2: shared((draft, value) => {
    draft.status = value;
  }),
  4: time((draft, valueMs) => {
    draft.changedAtMs = valueMs;
  }),
  5: shared((draft, value) => {
    draft.reason = value;
  }),
  6: shared((draft, value) => {
    draft.message = value;
  }),
});

function setCondition(draft: PodFacts, value: ConditionDraft): void {
  if (value.type === 'Ready') {
    draft.isReady = value.status === 'True';
    draft.readyChangedAtMs = value.changedAtMs;
  } else if (value.type === 'PodScheduled') {
    draft.scheduledStatus = value.status;
    draft.scheduledReason = value.reason;
  } else if (value.type === 'PodNeedUpgrade') {
    draft.needUpgradeStatus = value.status;
    draft.needUpgradeMessage = value.message;
  }
}

const waiting = messageTable<ContainerFacts>({
  1: shared((draft, value) => {
    draft.waitingReason = value;
  }),
});
const terminated = messageTable<ContainerFacts>({
  1: integer((draft, value) => {
    draft.terminatedExitCode = value;
  }),
  3: shared((draft, value) => {
    draft.terminatedReason = value;
  }),
});
const lastTerminated = messageTable<ContainerFacts>({
  1: integer((draft, value) => {
    draft.lastExitCode = value;
  }),
});
const containerStatus = messageTable<ContainerFacts>({
  2: inline(messageTable<ContainerFacts>({ 1: inline(waiting), 3: inline(terminated) })),
  3: inline(messageTable<ContainerFacts>({ 3: inline(lastTerminated) })),
});

function containers(set: (draft: PodFacts, trouble: string | undefined) => void) {
  return nested<PodFacts, ContainerFacts>({
    table: containerStatus,
    create: () => new ContainerFacts(),
    set: (draft, container) => set(draft, containerTrouble(container)),
  });
}

const status = messageTable<PodFacts>({
  1: shared((draft, value) => {
    draft.phase = value;
  }),
  2: nested({
    table: condition,
    create: (): ConditionDraft => ({ type: '', status: '', reason: '', message: '', changedAtMs: undefined }),
    set: setCondition,
  }),
  3: text((draft, value) => {
    draft.message = value;
  }),
  4: shared((draft, value) => {
    draft.reason = value;
  }),
  8: containers((draft, trouble) => {
    draft.containerTrouble ??= trouble;
  }),
  10: containers((draft, trouble) => {
    draft.initTrouble ??= trouble;
  }),
});

const pod = messageTable<PodFacts>({ 1: inline(metadata), 2: inline(spec), 3: inline(status) });

/** Reads a pod from the reader's position to its limit; throws `WireError` on garbled bytes. */
export function readPod(reader: WireReader): RecordResult<PodRecord> {
  const facts = new PodFacts();
  const problem = readObject(reader, pod, facts);
  return problem === undefined ? podRecord(facts) : unreadablePod(facts, problem);
}
