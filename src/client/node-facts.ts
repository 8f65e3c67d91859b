import type { NodeRecord, Taint } from '../kube/records.ts';
import { identityProblem } from './object-name.ts';
import { malformed, type RecordResult } from './pod-facts.ts';

/** What both decoders (protobuf and JSON) collect from a node before it becomes a record. */
export class NodeFacts {
  name = '';
  uid = '';
  resourceVersion = '';
  createdAtMs = 0;
  readonly labels: Record<string, string> = {};
  readonly taints: Taint[] = [];
  isUnschedulable = false;
  isReady = false;
  readyChangedAtMs: number | undefined = undefined;
}

const NO_TAINTS: readonly Taint[] = Object.freeze([]);

const UNSCHEDULABLE = { isUnschedulable: true } as const;

export function nodeRecord(facts: NodeFacts): RecordResult<NodeRecord> {
  const { name, uid, resourceVersion } = facts;
  const problem = identityProblem({ namespace: '', name, uid, resourceVersion, isNamespaced: false });
  if (problem !== undefined) return unreadableNode(facts, problem);
  return {
    ok: true,
    record: {
      namespace: '',
      name,
      uid,
      resourceVersion,
      labels: facts.labels,
      taints: facts.taints.length === 0 ? NO_TAINTS : facts.taints,
      ...(facts.isUnschedulable ? UNSCHEDULABLE : undefined),
      createdAtMs: facts.createdAtMs,
      isReady: facts.isReady,
      readyChangedAtMs: facts.readyChangedAtMs,
    },
  };
}

export function unreadableNode({ name }: NodeFacts, problem: string): RecordResult<NodeRecord> {
  return malformed(`node ${name.slice(0, 64)}: ${problem}`, { namespace: '', name });
}
