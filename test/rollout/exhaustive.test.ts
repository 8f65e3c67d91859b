import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeRecord, PodRecord } from '../../src/kube/records.ts';
import { nodeOfSlot } from '../../src/protocol/slot.ts';
import { budget, daemonSet, node, pod, syncedRollout, T0 } from './records.ts';

const ALL = { count: Number.POSITIVE_INFINITY, window: Number.POSITIVE_INFINITY };

const NODES: Record<string, Partial<NodeRecord>> = {
  ready: {},
  notReady: { isReady: false },
  tainted: { taints: [{ key: 'k', value: '', effect: 'NoSchedule' }] },
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

const STATES: readonly State[] = Object.keys(NODES).flatMap((of) =>
  Object.keys(PODS).map((at) => ({ node: of, pod: at })),
);

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

const IN_FLIGHT = ['oldFailed', 'oldTerminating', 'newUnavailable', 'oldLeavingNewThere', 'none'];
const WITHOUT_AVAILABLE = ['oldUnavailable', 'oldFailed', 'oldTerminating', 'newUnavailable', 'two', 'none'];

function check(states: readonly State[], allowed: number): void {
  const names = states.map((_, index) => `n${index}`);
  const rollout = syncedRollout({
    nodes: names.map((name, index) => node(name, NODES[states[index]?.node ?? ''])),
    pods: names.flatMap((name, index) => PODS[states[index]?.pod ?? '']?.(name) ?? []),
    daemonSet: daemonSet({ annotations: budget(String(allowed)) }),
  });
  const planned = rollout.plan(T0).filter(({ reason }) => reason === 'update-next');
  const selected = rollout.select(ALL, T0).map((key) => states[names.indexOf(nodeOfSlot(key))]);
  const what = JSON.stringify({ states, allowed, selected });

  const ready = states.filter((state) => state.node === 'ready');
  const count = (list: readonly (State | undefined)[], kinds: string[]) =>
    list.filter((state) => state !== undefined && kinds.includes(state.pod)).length;
  const unavailable = count(ready, WITHOUT_AVAILABLE);
  const inFlight = count(ready, IN_FLIGHT);
  const fromAvailable = count(selected, ['oldAvailable']);
  const fromUnavailable = count(selected, ['oldUnavailable']);

  // Only the one old, running, staying pod of an eligible Ready node is asked for.
  assert.ok(
    selected.every((state) => state?.node === 'ready'),
    what,
  );
  assert.equal(fromAvailable + fromUnavailable, selected.length, what);
  // The bounds hold for whoever is asked for.
  if (fromAvailable > 0) assert.ok(unavailable + fromAvailable <= allowed, what);
  if (selected.length > 0) assert.ok(inFlight + selected.length <= allowed, what);
  // Nobody who fits waits; the unavailable do not wait for the available.
  const mayGo = Math.max(0, Math.min(count(ready, ['oldUnavailable']), allowed - inFlight));
  assert.equal(fromUnavailable, mayGo, what);
  const room = Math.min(allowed - unavailable, allowed - inFlight - fromUnavailable);
  assert.equal(fromAvailable, Math.max(0, Math.min(count(ready, ['oldAvailable']), room)), what);
  // The plan told so, and each is handed out.
  assert.equal(planned.length, selected.length, what);
  assert.deepEqual(rollout.select(ALL, T0), [], what);
  for (const { node: name } of planned) {
    const key = `kube-system/agent/${name}` as Parameters<typeof rollout.taskFor>[0];
    assert.equal(rollout.taskFor(key, T0)?.action, 'delete', what);
  }
}

for (const size of [1, 2, 3]) {
  test(`planner: every cluster of ${size} nodes, 1 to ${size} allowed → the bounds hold and nobody waits in vain`, () => {
    let clusterCount = 0;
    for (const states of choices(size)) {
      for (let allowed = 1; allowed <= size; allowed += 1) check(states, allowed);
      clusterCount += 1;
    }
    assert.equal(clusterCount, [27, 378, 3654][size - 1]);
  });
}
