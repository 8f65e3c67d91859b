import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eligibilityRule, toleratesTaint } from '../../src/kube/eligibility.ts';
import type { NodeRecord, NodeSelectorTerm, Placement, Taint, Toleration } from '../../src/kube/records.ts';

const ANYWHERE: Placement = Object.freeze({
  nodeName: '',
  nodeSelector: {},
  requiredNodeTerms: undefined,
  tolerations: [],
  isHostNetwork: false,
});

function node(changes: Partial<NodeRecord>): NodeRecord {
  return Object.freeze({
    namespace: '',
    name: 'edge-1',
    uid: 'u',
    resourceVersion: '1',
    labels: { arch: 'arm64', zone: 'a' },
    taints: [],
    createdAtMs: 0,
    isReady: true,
    readyChangedAtMs: 0,
    ...changes,
  });
}

function taint(key: string, effect: string, value = ''): Taint {
  return { key, effect, value };
}

function toleration(changes: Partial<Toleration>): Toleration {
  return { key: '', operator: '', value: '', effect: '', ...changes };
}

function term(changes: Partial<NodeSelectorTerm>): NodeSelectorTerm {
  return { matchExpressions: [], matchFields: [], ...changes };
}

const ARM = term({ matchExpressions: [{ key: 'arch', operator: 'In', values: ['arm64'] }] });
const AMD = term({ matchExpressions: [{ key: 'arch', operator: 'In', values: ['amd64'] }] });
const byName = (name: string) => term({ matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }] });

interface Row {
  readonly name: string;
  readonly placement?: Partial<Placement>;
  readonly node?: Partial<NodeRecord>;
  readonly run: boolean;
  readonly stay: boolean;
  readonly reason?: string;
}

const YES = { run: true, stay: true } as const;
const NO = { run: false, stay: false } as const;
const STAY = { run: false, stay: true } as const;

const ROWS: readonly Row[] = [
  { name: 'nothing asked', ...YES },
  { name: 'nodeName of this node', placement: { nodeName: 'edge-1' }, ...YES },
  { name: 'nodeName of another', placement: { nodeName: 'edge-2' }, ...NO, reason: 'node-name' },
  { name: 'nodeSelector matches', placement: { nodeSelector: { arch: 'arm64' } }, ...YES },
  { name: 'nodeSelector differs', placement: { nodeSelector: { arch: 'amd64' } }, ...NO, reason: 'node-selector' },
  { name: 'one term matches', placement: { requiredNodeTerms: [AMD, ARM] }, ...YES },
  { name: 'no term matches', placement: { requiredNodeTerms: [AMD] }, ...NO, reason: 'node-affinity' },
  { name: 'no terms at all', placement: { requiredNodeTerms: [] }, ...NO, reason: 'node-affinity' },
  { name: 'empty term', placement: { requiredNodeTerms: [term({})] }, ...NO, reason: 'node-affinity' },
  { name: 'empty term beside one that matches', placement: { requiredNodeTerms: [term({}), ARM] }, ...YES },
  { name: 'term by this name', placement: { requiredNodeTerms: [byName('edge-1')] }, ...YES },
  { name: 'term by another name', placement: { requiredNodeTerms: [byName('x')] }, ...NO, reason: 'node-affinity' },
  {
    name: 'both lists of a term must hold',
    placement: { requiredNodeTerms: [{ ...byName('edge-1'), matchExpressions: AMD.matchExpressions }] },
    ...NO,
    reason: 'node-affinity',
  },
  {
    name: 'field that does not exist',
    placement: {
      requiredNodeTerms: [term({ matchFields: [{ key: 'metadata.uid', operator: 'In', values: ['u'] }] })],
    },
    ...NO,
    reason: 'node-affinity',
  },
  {
    name: 'selector and affinity must both hold',
    placement: { nodeSelector: { arch: 'amd64' }, requiredNodeTerms: [ARM] },
    ...NO,
    reason: 'node-selector',
  },
  { name: 'NoSchedule taint', node: { taints: [taint('k', 'NoSchedule')] }, ...STAY, reason: 'taint' },
  { name: 'NoExecute taint', node: { taints: [taint('k', 'NoExecute')] }, ...NO, reason: 'taint' },
  { name: 'PreferNoSchedule taint', node: { taints: [taint('k', 'PreferNoSchedule')] }, ...YES },
  {
    name: 'both kinds of taint',
    node: { taints: [taint('k', 'NoSchedule'), taint('l', 'NoExecute')] },
    ...NO,
    reason: 'taint',
  },
  {
    name: 'taint tolerated',
    placement: { tolerations: [toleration({ key: 'k', operator: 'Exists' })] },
    node: { taints: [taint('k', 'NoExecute', 'v')] },
    ...YES,
  },
  {
    name: 'taint tolerated for the other effect',
    placement: { tolerations: [toleration({ key: 'k', operator: 'Exists', effect: 'NoSchedule' })] },
    node: { taints: [taint('k', 'NoExecute')] },
    ...NO,
    reason: 'taint',
  },
  {
    name: 'everything that is tolerated anyway',
    node: {
      taints: [
        taint('node.kubernetes.io/not-ready', 'NoExecute'),
        taint('node.kubernetes.io/unreachable', 'NoExecute'),
        taint('node.kubernetes.io/disk-pressure', 'NoSchedule'),
        taint('node.kubernetes.io/memory-pressure', 'NoSchedule'),
        taint('node.kubernetes.io/pid-pressure', 'NoSchedule'),
        taint('node.kubernetes.io/unschedulable', 'NoSchedule'),
      ],
    },
    ...YES,
  },
  {
    name: 'not-ready with NoSchedule is not tolerated anyway',
    node: { taints: [taint('node.kubernetes.io/not-ready', 'NoSchedule')] },
    ...STAY,
    reason: 'taint',
  },
  {
    name: 'no network, own network',
    node: { taints: [taint('node.kubernetes.io/network-unavailable', 'NoSchedule')] },
    ...STAY,
    reason: 'taint',
  },
  {
    name: 'no network, host network',
    placement: { isHostNetwork: true },
    node: { taints: [taint('node.kubernetes.io/network-unavailable', 'NoSchedule')] },
    ...YES,
  },
];

for (const row of ROWS) {
  test(`eligibility: ${row.name} → ${row.run ? 'run' : row.stay ? 'stay' : 'neither'}`, () => {
    const result = eligibilityRule(Object.freeze({ ...ANYWHERE, ...row.placement }))(node(row.node ?? {}));
    assert.equal(result.shouldRun, row.run);
    assert.equal(result.shouldContinueRunning, row.stay);
    assert.equal(result.shouldRun ? undefined : result.reason, row.reason);
    if (!result.shouldRun) assert.notEqual(result.message, '');
  });
}

const TOLERATIONS = [
  { name: 'everything', by: { operator: 'Exists' }, expected: true },
  { name: 'value by default equal', by: { key: 'rank', value: '5' }, expected: true },
  { name: 'value differs', by: { key: 'rank', operator: 'Equal', value: '6' }, expected: false },
  { name: 'other key', by: { key: 'k', operator: 'Exists' }, expected: false },
  { name: 'other effect', by: { operator: 'Exists', effect: 'NoExecute' }, expected: false },
  { name: 'taint above', by: { key: 'rank', operator: 'Gt', value: '4' }, expected: true },
  { name: 'taint not above', by: { key: 'rank', operator: 'Gt', value: '5' }, expected: false },
  { name: 'taint below', by: { key: 'rank', operator: 'Lt', value: '6' }, expected: true },
  { name: 'taint not below', by: { key: 'rank', operator: 'Lt', value: '5' }, expected: false },
  { name: 'no number', by: { key: 'rank', operator: 'Gt', value: 'four' }, expected: false },
  { name: 'unknown operator', by: { key: 'rank', operator: 'In', value: '5' }, expected: false },
] as const;

for (const { name, by, expected } of TOLERATIONS) {
  test(`toleration of rank=5:NoSchedule: ${name} → ${expected}`, () => {
    assert.equal(toleratesTaint(toleration(by), taint('rank', 'NoSchedule', '5')), expected);
  });
}
