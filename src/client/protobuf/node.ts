import type { NodeRecord } from '../../kube/records.ts';
import { NodeFacts, nodeRecord, unreadableNode } from '../node-facts.ts';
import type { RecordResult } from '../pod-facts.ts';
import { inline, integer, messageTable, nested, readObject, shared, stringEntry, text, time } from './message.ts';
import type { WireReader } from './wire.ts';

// Field numbers: k8s.io/api core/v1/generated.proto and k8s.io/apimachinery meta/v1/generated.proto.

const metadata = messageTable<NodeFacts>({
  1: shared((draft, value) => {
    draft.name = value;
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
  11: stringEntry({
    isWanted: (key) => key !== '__proto__',
    set: (draft, key, value) => {
      draft.labels[key] = value;
    },
  }),
});

interface TaintDraft {
  key: string;
  value: string;
  effect: string;
}

const taint = messageTable<TaintDraft>({
  1: shared((draft, value) => {
    draft.key = value;
  }),
  2: shared((draft, value) => {
    draft.value = value;
  }),
  3: shared((draft, value) => {
    draft.effect = value;
  }),
});

const spec = messageTable<NodeFacts>({
  4: integer((draft, value) => {
    draft.isUnschedulable = value !== 0;
  }),
  5: nested({
    table: taint,
    create: (): TaintDraft => ({ key: '', value: '', effect: '' }),
    set: (draft, value) => draft.taints.push(value),
  }),
});

interface ConditionDraft {
  type: string;
  status: string;
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
});

const status = messageTable<NodeFacts>({
  4: nested({
    table: condition,
    create: (): ConditionDraft => ({ type: '', status: '', changedAtMs: undefined }),
    set: (draft, value) => {
      if (value.type !== 'Ready') return;
      draft.isReady = value.status === 'True';
      draft.readyChangedAtMs = value.changedAtMs;
    },
  }),
});

const node = messageTable<NodeFacts>({ 1: inline(metadata), 2: inline(spec), 3: inline(status) });

/** Reads a node from the reader's position to its limit; throws `WireError` on garbled bytes. */
export function readNode(reader: WireReader): RecordResult<NodeRecord> {
  const facts = new NodeFacts();
  const problem = readObject(reader, node, facts);
  return problem === undefined ? nodeRecord(facts) : unreadableNode(facts, problem);
}
