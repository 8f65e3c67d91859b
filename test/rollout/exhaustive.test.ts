import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeRecord, PodRecord } from '../../src/kube/records.ts';
import { nodeOfSlot } from '../../src/protocol/slot.ts';
import type { Rollout } from '../../src/rollout/rollout.ts';
import { budget, daemonSet, node, pod, slot, syncedRollout, T0 } from './records.ts';
import { carryOut, replace } from './scenario-moves.ts';

const ALL = { count: Number.POSITIVE_INFINITY, window: Number.POSITIVE_INFINITY };

const NODES: Record<string, Partial<NodeRecord>> = {
  ready: {},
  notReady: { isReady: false },
  tainted: { taints: [{ key: 'k', value: '', effect: 'NoSchedule' }] },
  evicting: { taints: [{ key: 'k', value: '', effect: 'NoExecute' }] },
  // The DaemonSet controller tolerates it for every pod.
  cordoned: { taints: [{ key: 'node.kubernetes.io/unschedulable', value: '', effect: 'NoSchedule' }] },
};

/** What an old pod that may go is, and everything else. */
const PODS: Record<string, (name: string) => PodRecord[]> = {
  oldAvailable: (name) => [pod(name, 'old')],
  oldUnavailable: (name) => [pod(name, 'old', { isReady: false })],
  oldFailed: (name) => [pod(name, 'old', { phase: 'Failed', isReady: false })],
  oldTerminating: (name) => [pod(name, 'old', { isTerminating: true })],
  newAvailable: (name) => [pod(name, 'new')],
  newUnavailable: (name) => [pod(name, 'new', { isReady: false })],
  oldLeavingNewThere: (name) => [pod(name, 'old', { isTerminating: true }), pod(name, 'new')],
  two: (name) => [pod(name, 'old'), pod(name, 'new')],
  none: () => [],
};

interface State {
  readonly node: string;
  readonly pod: string;
}

/** Nodes whose taint nobody tolerates: an old pod there is as little counted as updated. */
const AWAY = ['oldAvailable', 'newUnavailable', 'none'];

/** What has happened before, told to the rollout one after the other. */
const HISTORIES: Record<string, (rollout: Rollout, name: string) => void> = {
  /** It was asked for, and the lane has not taken it yet. */
  asked: () => undefined,
  /** Its deletion was sent. */
  sent: (rollout, name) => rollout.onSent(slot(name), T0),
  /** … and reached a node that has gone NotReady. */
  sentAndAway: (rollout, name) => {
    rollout.onSent(slot(name), T0);
    rollout.upsertNode(node(name, { isReady: false }), T0);
  },
  /** The new pod took its node down. */
  failed: (rollout, name) => {
    carryOut(rollout, name, T0);
    replace(rollout, name, T0);
    rollout.upsertNode(node(name, { isReady: false }), T0);
  },
};

const STATES: readonly State[] = Object.keys(NODES).flatMap((of) =>
  Object.keys(PODS)
    .filter((at) => of === 'ready' || of === 'cordoned' || AWAY.includes(at))
    .map((at) => ({ node: of, pod: at })),
);

const isTainted = ({ node: of }: State) => of === 'tainted' || of === 'evicting';

/** Every choice of `count` states, their order aside. */
function* choices(count: number, from = 0): Generator<State[]> {
  if (count === 0) {
    yield [];
    return;
  }
  for (let index = from; index < STATES.length; index += 1) {
    const state = STATES[index];
    for (const rest of choices(count - 1, index)) if (state !== undefined) yield [state, ...rest];
  }
}

const OCCUPIED = ['oldFailed', 'oldTerminating', 'newUnavailable', 'none'];
const WITHOUT_AVAILABLE = ['oldUnavailable', 'oldFailed', 'oldTerminating', 'newUnavailable', 'two', 'none'];

/** Bounds that say `allowed` of `size` nodes in another way; of those that can be reached, so that they are known only with the cluster. */
const BOUNDS: readonly { readonly text: string; readonly of: (reachable: number) => number }[] = [
  { text: '1', of: () => 1 },
  { text: '2', of: () => 2 },
  { text: '3', of: () => 3 },
  { text: '7', of: () => 7 },
  { text: '50%', of: (reachable) => Math.max(1, Math.ceil(reachable / 2)) },
  { text: '100%', of: (reachable) => Math.max(1, reachable) },
  // The default, 10 %, rounded up.
  { text: '0', of: () => 1 },
  { text: '0%', of: () => 1 },
];

interface Case {
  readonly states: readonly State[];
  readonly bound: (typeof BOUNDS)[number];
  /** Of the first node, which is `oldAvailable` and Ready before it. */
  readonly history: string;
}

/** Whether there was anything to check: with a history the first node must be the first to go. */
function check({ states, bound, history }: Case): boolean {
  const names = states.map((_, index) => `n${index}`);
  const hasHistory = history !== '';
  const tolerations = [
    { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', value: '', effect: 'NoSchedule' },
  ];
  const base = daemonSet();
  const rollout = syncedRollout({
    nodes: names.map((name, index) => node(name, NODES[states[index]?.node ?? ''])),
    pods: names.flatMap((name, index) => PODS[states[index]?.pod ?? '']?.(name) ?? []),
    daemonSet: daemonSet({ annotations: budget(bound.text), placement: { ...base.placement, tolerations } }),
  });
  // A node with a current pod keeps its place, whatever taints came.
  const isCounted = (state: State) => !isTainted(state) || state.pod === 'newUnavailable';
  const reachable = states.filter((state) => state.node !== 'notReady' && isCounted(state));
  const ready = reachable.filter((state) => !isTainted(state));
  const what = JSON.stringify({ states, bound: bound.text, history });
  let allowed = bound.of(reachable.length);
  assert.equal(rollout.counts().allowed, allowed, what);
  // With a history the first node is one that was selected alone, before the others could be.
  const others = hasHistory ? ready.slice(1) : ready;
  let held = 0;
  if (hasHistory) {
    const first = rollout.select({ count: 1, window: Number.POSITIVE_INFINITY }, T0);
    if (first[0] !== slot('n0')) return false;
    HISTORIES[history]?.(rollout, 'n0');
    held = 1;
    if (history === 'failed') allowed = bound.of(reachable.length - 1);
    assert.equal(rollout.counts().allowed, allowed, what);
  }
  const planned = rollout.plan(T0).filter(({ reason }) => reason === 'update-next');
  const selected = rollout.select(ALL, T0).map((key) => states[names.indexOf(nodeOfSlot(key))]);

  const count = (list: readonly (State | undefined)[], kinds: string[]) =>
    list.filter((state) => state !== undefined && kinds.includes(state.pod)).length;
  const kept = reachable.filter(isTainted);
  const unavailable = held + count([...others, ...kept], WITHOUT_AVAILABLE);
  const occupied = held + count([...others, ...kept], OCCUPIED);
  const fromAvailable = count(selected, ['oldAvailable']);
  const fromUnavailable = count(selected, ['oldUnavailable']);

  // Only the one, old, running, staying pod of an eligible Ready node is asked for.
  assert.ok(
    selected.every((state) => state !== undefined && others.includes(state)),
    what,
  );
  assert.equal(fromAvailable + fromUnavailable, selected.length, what);
  // The bounds hold for whoever is asked for.
  if (fromAvailable > 0) assert.ok(unavailable + fromAvailable <= allowed, what);
  if (selected.length > 0) assert.ok(occupied + selected.length <= allowed, what);
  // Nobody who fits waits; the unavailable do not wait for the available.
  const mayGo = Math.max(0, Math.min(count(others, ['oldUnavailable']), allowed - occupied));
  assert.equal(fromUnavailable, mayGo, what);
  const room = Math.min(allowed - unavailable, allowed - occupied - fromUnavailable);
  assert.equal(fromAvailable, Math.max(0, Math.min(count(others, ['oldAvailable']), room)), what);
  // The plan told so, and each is handed out.
  assert.equal(planned.length, selected.length, what);
  assert.deepEqual(rollout.select(ALL, T0), [], what);
  for (const { node: name } of planned) assert.equal(rollout.taskFor(slot(name), T0)?.action, 'delete', what);
  return true;
}

for (const size of [1, 2, 3]) {
  test(`planner: every cluster of ${size} nodes, every bound → the bounds hold and nobody waits in vain`, () => {
    let caseCount = 0;
    for (const states of choices(size)) {
      for (const bound of BOUNDS) check({ states, bound, history: '' });
      caseCount += 1;
    }
    assert.equal(caseCount, [27, 378, 3654][size - 1]);
  });

  test(`planner: every cluster of ${size} nodes, one of them asked, sent, away or failed → it keeps its place`, () => {
    const first: State = { node: 'ready', pod: 'oldAvailable' };
    let checkedCount = 0;
    for (const others of choices(size - 1)) {
      for (const history of Object.keys(HISTORIES)) {
        for (const bound of BOUNDS) checkedCount += check({ states: [first, ...others], bound, history }) ? 1 : 0;
      }
    }
    assert.equal(checkedCount, [32, 608, 6632][size - 1]);
  });
}
