import type {
  DaemonSetRecord,
  LabelSelector,
  NodeSelectorTerm,
  Placement,
  SelectorRequirement,
  Toleration,
} from '../../kube/records.ts';
import { templateDigest } from '../../kube/template-digest.ts';
import type { RecordResult } from '../pod-facts.ts';
import { checkNamespaced, identityOf, metadataOf, parseObject } from './metadata.ts';
import { arrayOf, booleanOf, fieldsOf, integerOf, stringMapOf, stringOf, timeOf } from './values.ts';

/** Reads an `apps/v1` DaemonSet. */
export function parseDaemonSet(json: unknown): RecordResult<DaemonSetRecord> {
  return parseObject('daemonset', json, (object) => {
    const metadata = metadataOf(object);
    const identity = identityOf(metadata);
    checkNamespaced(identity);
    const spec = fieldsOf(object.spec, 'spec');
    const status = fieldsOf(object.status, 'status');
    const template = fieldsOf(spec.template, 'spec.template');
    return {
      ok: true,
      record: {
        ...identity,
        generation: integerOf(metadata.generation, 'metadata.generation'),
        observedGeneration: integerOf(status.observedGeneration, 'status.observedGeneration'),
        createdAtMs: timeOf(metadata.creationTimestamp, 'metadata.creationTimestamp') ?? 0,
        annotations: stringMapOf(metadata.annotations, 'metadata.annotations'),
        updateStrategyType: stringOf(
          fieldsOf(spec.updateStrategy, 'spec.updateStrategy').type,
          'spec.updateStrategy.type',
        ),
        minReadySeconds: integerOf(spec.minReadySeconds, 'spec.minReadySeconds'),
        selector: labelSelectorOf(spec.selector, 'spec.selector'),
        placement: placementOf(template.spec, 'spec.template.spec'),
        templateDigest: templateDigest(template),
        isTerminating: timeOf(metadata.deletionTimestamp, 'metadata.deletionTimestamp') !== undefined,
      },
    };
  });
}

function placementOf(value: unknown, path: string): Placement {
  const spec = fieldsOf(value, path);
  const affinity = fieldsOf(spec.affinity, `${path}.affinity`);
  const nodeAffinity = fieldsOf(affinity.nodeAffinity, `${path}.affinity.nodeAffinity`);
  return {
    nodeName: stringOf(spec.nodeName, `${path}.nodeName`),
    nodeSelector: stringMapOf(spec.nodeSelector, `${path}.nodeSelector`),
    requiredNodeTerms: nodeTermsOf(
      nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution,
      `${path}.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution`,
    ),
    tolerations: arrayOf(spec.tolerations, `${path}.tolerations`, tolerationOf),
    isHostNetwork: booleanOf(spec.hostNetwork, `${path}.hostNetwork`),
  };
}

function nodeTermsOf(value: unknown, path: string): readonly NodeSelectorTerm[] | undefined {
  if (value === undefined || value === null) return undefined;
  return arrayOf(fieldsOf(value, path).nodeSelectorTerms, `${path}.nodeSelectorTerms`, (item, itemPath) => {
    const term = fieldsOf(item, itemPath);
    return {
      matchExpressions: arrayOf(term.matchExpressions, `${itemPath}.matchExpressions`, requirementOf),
      matchFields: arrayOf(term.matchFields, `${itemPath}.matchFields`, requirementOf),
    };
  });
}

function labelSelectorOf(value: unknown, path: string): LabelSelector {
  const selector = fieldsOf(value, path);
  return {
    matchLabels: stringMapOf(selector.matchLabels, `${path}.matchLabels`),
    matchExpressions: arrayOf(selector.matchExpressions, `${path}.matchExpressions`, requirementOf),
  };
}

function requirementOf(value: unknown, path: string): SelectorRequirement {
  const requirement = fieldsOf(value, path);
  return {
    key: stringOf(requirement.key, `${path}.key`),
    operator: stringOf(requirement.operator, `${path}.operator`),
    values: arrayOf(requirement.values, `${path}.values`, stringOf),
  };
}

function tolerationOf(value: unknown, path: string): Toleration {
  const toleration = fieldsOf(value, path);
  return {
    key: stringOf(toleration.key, `${path}.key`),
    operator: stringOf(toleration.operator, `${path}.operator`),
    value: stringOf(toleration.value, `${path}.value`),
    effect: stringOf(toleration.effect, `${path}.effect`),
  };
}
