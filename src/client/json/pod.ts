import type { PodRecord } from '../../kube/records.ts';
import {
  ContainerFacts,
  containerTrouble,
  DELETION_COST,
  OWNED_LABELS,
  PodFacts,
  podRecord,
  type RecordResult,
} from '../pod-facts.ts';
import { controllerUidOf, identityOf, metadataOf, parseObject } from './metadata.ts';
import { arrayOf, type Fields, fieldsOf, integerOf, stringOf, timeOf } from './values.ts';

const [HASH_LABEL, GENERATION_LABEL] = OWNED_LABELS;

/** Reads a `v1` Pod. */
export function parsePod(json: unknown): RecordResult<PodRecord> {
  return parseObject('pod', json, (object) => {
    const facts = new PodFacts();
    readMetadata(facts, metadataOf(object));
    readSpec(facts, fieldsOf(object.spec, 'spec'));
    readStatus(facts, fieldsOf(object.status, 'status'));
    return podRecord(facts);
  });
}

function readMetadata(facts: PodFacts, metadata: Fields): void {
  Object.assign(facts, identityOf(metadata));
  const labels = fieldsOf(metadata.labels, 'metadata.labels');
  const annotations = fieldsOf(metadata.annotations, 'metadata.annotations');
  facts.createdAtMs = timeOf(metadata.creationTimestamp, 'metadata.creationTimestamp') ?? 0;
  facts.deletionAtMs = timeOf(metadata.deletionTimestamp, 'metadata.deletionTimestamp');
  if (metadata.deletionGracePeriodSeconds !== undefined) {
    const path = 'metadata.deletionGracePeriodSeconds';
    facts.deletionGraceSeconds = integerOf(metadata.deletionGracePeriodSeconds, path);
  }
  facts.ownerUid = controllerUidOf(metadata);
  facts.revisionHash = optionalString(labels, HASH_LABEL, 'metadata.labels');
  facts.templateGeneration = optionalString(labels, GENERATION_LABEL, 'metadata.labels');
  facts.deletionCost = stringOf(annotations[DELETION_COST], `metadata.annotations["${DELETION_COST}"]`);
}

function optionalString(fields: Fields, key: string, path: string): string | undefined {
  return Object.hasOwn(fields, key) ? stringOf(fields[key], `${path}["${key}"]`) : undefined;
}

function readSpec(facts: PodFacts, spec: Fields): void {
  facts.nodeName = stringOf(spec.nodeName, 'spec.nodeName');
  const nodeAffinity = fieldsOf(fieldsOf(spec.affinity, 'spec.affinity').nodeAffinity, 'spec.affinity.nodeAffinity');
  const path = 'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution';
  const required = fieldsOf(nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution, path);
  arrayOf(required.nodeSelectorTerms, `${path}.nodeSelectorTerms`, (term, termPath) =>
    arrayOf(fieldsOf(term, termPath).matchFields, `${termPath}.matchFields`, (item, itemPath) => {
      const field = fieldsOf(item, itemPath);
      const [nodeName] = arrayOf(field.values, `${itemPath}.values`, stringOf);
      if (field.key === 'metadata.name' && field.operator === 'In' && nodeName) facts.affinityNodeName ||= nodeName;
    }),
  );
}

function readStatus(facts: PodFacts, status: Fields): void {
  facts.phase = stringOf(status.phase, 'status.phase');
  facts.reason = stringOf(status.reason, 'status.reason');
  facts.message = stringOf(status.message, 'status.message');
  arrayOf(status.conditions, 'status.conditions', (item, path) => readCondition(facts, fieldsOf(item, path), path));
  arrayOf(status.initContainerStatuses, 'status.initContainerStatuses', (item, path) => {
    facts.initTrouble ??= troubleOf(fieldsOf(item, path), path);
  });
  arrayOf(status.containerStatuses, 'status.containerStatuses', (item, path) => {
    facts.containerTrouble ??= troubleOf(fieldsOf(item, path), path);
  });
}

function readCondition(facts: PodFacts, condition: Fields, path: string): void {
  const status = stringOf(condition.status, `${path}.status`);
  switch (condition.type) {
    case 'Ready':
      facts.isReady = status === 'True';
      facts.readyChangedAtMs = timeOf(condition.lastTransitionTime, `${path}.lastTransitionTime`);
      return;
    case 'PodScheduled':
      facts.scheduledStatus = status;
      facts.scheduledReason = stringOf(condition.reason, `${path}.reason`);
      return;
    case 'PodNeedUpgrade':
      facts.needUpgradeStatus = status;
      facts.needUpgradeMessage = stringOf(condition.message, `${path}.message`);
      return;
    default:
  }
}

function troubleOf(status: Fields, path: string): string | undefined {
  const facts = new ContainerFacts();
  const state = fieldsOf(status.state, `${path}.state`);
  const waiting = fieldsOf(state.waiting, `${path}.state.waiting`);
  const terminated = fieldsOf(state.terminated, `${path}.state.terminated`);
  const lastState = fieldsOf(status.lastState, `${path}.lastState`);
  facts.waitingReason = stringOf(waiting.reason, `${path}.state.waiting.reason`);
  facts.terminatedReason = stringOf(terminated.reason, `${path}.state.terminated.reason`);
  facts.terminatedExitCode = integerOf(terminated.exitCode, `${path}.state.terminated.exitCode`);
  const last = fieldsOf(lastState.terminated, `${path}.lastState.terminated`);
  if (last.exitCode !== undefined)
    facts.lastExitCode = integerOf(last.exitCode, `${path}.lastState.terminated.exitCode`);
  return containerTrouble(facts);
}
