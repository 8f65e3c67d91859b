import type { NodeRecord } from '../../kube/records.ts';
import { NodeFacts, nodeRecord } from '../node-facts.ts';
import type { RecordResult } from '../pod-facts.ts';
import { identityOf, metadataOf, parseObject } from './metadata.ts';
import { arrayOf, booleanOf, fieldsOf, stringMapOf, stringOf, timeOf } from './values.ts';

/** Reads a `v1` Node. */
export function parseNode(json: unknown): RecordResult<NodeRecord> {
  return parseObject('node', json, (object) => {
    const facts = new NodeFacts();
    const metadata = metadataOf(object);
    const { name, uid, resourceVersion } = identityOf(metadata);
    Object.assign(facts, { name, uid, resourceVersion });
    Object.assign(facts.labels, stringMapOf(metadata.labels, 'metadata.labels'));
    facts.createdAtMs = timeOf(metadata.creationTimestamp, 'metadata.creationTimestamp') ?? 0;
    const spec = fieldsOf(object.spec, 'spec');
    facts.isUnschedulable = booleanOf(spec.unschedulable, 'spec.unschedulable');
    arrayOf(spec.taints, 'spec.taints', (item, path) => {
      const taint = fieldsOf(item, path);
      facts.taints.push({
        key: stringOf(taint.key, `${path}.key`),
        value: stringOf(taint.value, `${path}.value`),
        effect: stringOf(taint.effect, `${path}.effect`),
      });
    });
    arrayOf(fieldsOf(object.status, 'status').conditions, 'status.conditions', (item, path) => {
      const condition = fieldsOf(item, path);
      if (condition.type !== 'Ready') return;
      facts.isReady = condition.status === 'True';
      facts.readyChangedAtMs = timeOf(condition.lastTransitionTime, `${path}.lastTransitionTime`);
    });
    return nodeRecord(facts);
  });
}
