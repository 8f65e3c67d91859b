import assert from 'node:assert/strict';
import { test } from 'node:test';
import { daemonSetsView, podsView, revisionsView, ViewLook, type ViewLoss } from '../../src/controller/view-losses.ts';
import { daemonSetKey } from '../../src/protocol/slot.ts';
import { daemonSetsOf, nodesOf, optedIn, World } from './world.ts';

const AGENT = daemonSetKey('kube-system', 'agent');
const OTHER = daemonSetKey('kube-system', 'other');
const PODS_LOST: ViewLoss = {
  stream: `pods of ${AGENT}`,
  scope: { of: 'daemonset', key: AGENT },
  reason: 'failing for 75 s: not allowed to watch pods',
};
const NODES_LOST: ViewLoss = { stream: 'nodes', scope: { of: 'all' }, reason: 'nothing received for 150 s' };

function blockedOf(world: World, key: typeof AGENT): string | undefined {
  return world.controller.find(key)?.rollout.blocked()?.message;
}

test('stale view: the pods of one DaemonSet → it asks nothing and the other goes on; confirmed again → both', () => {
  const world = new World(4);
  world.lead();
  world.add(optedIn('agent', '1'));
  world.add(optedIn('other', '1'));
  world.controller.setLosses([PODS_LOST]);
  assert.deepEqual(daemonSetsOf(world.pump()), { [OTHER]: 1 });
  assert.equal(blockedOf(world, AGENT), `stale: ${PODS_LOST.stream}: ${PODS_LOST.reason}`);
  assert.equal(blockedOf(world, OTHER), undefined);
  assert.equal(world.finish().length, 4, 'all of the other');
  world.controller.setLosses([]);
  assert.deepEqual(daemonSetsOf(world.pump()), { [AGENT]: 1 });
  assert.equal(world.finish().length, 4);
});

test('stale view: nodes → nobody asks anything, nor does a DaemonSet that opts in meanwhile', () => {
  const world = new World(3);
  world.lead();
  world.add(optedIn('agent', '1'));
  world.controller.setLosses([NODES_LOST]);
  world.add(optedIn('other', '1'));
  assert.deepEqual(world.pump(), []);
  assert.match(blockedOf(world, OTHER) ?? '', /^stale: nodes: nothing received/);
  world.controller.setLosses([]);
  assert.deepEqual(daemonSetsOf(world.pump()), { [AGENT]: 1, [OTHER]: 1 });
});

test('stale view: the DaemonSets of a namespace → those of another one go on', () => {
  const world = new World(2);
  world.lead();
  world.add(optedIn('agent', '1', { namespace: 'edge' }));
  world.add(optedIn('other', '1'));
  const scope = { of: 'namespace', namespace: 'edge' } as const;
  world.controller.setLosses([{ stream: 'daemonsets in edge', scope, reason: 'x' }]);
  assert.deepEqual(daemonSetsOf(world.pump()), { [OTHER]: 1 });
});

test('stale view: what is in flight is settled, what waits for a lane is taken back, nothing follows', () => {
  const world = new World(6, { lanes: 1, laneInFlightMax: 1, batchMax: 1 });
  world.lead();
  const key = world.add(optedIn('agent', '3'));
  const [first] = world.pump();
  assert.ok(first !== undefined);
  assert.deepEqual([world.counts(key).inFlight, world.counts(key).reserved], [3, 3], 'one left, two wait');
  world.controller.setLosses([PODS_LOST]);
  assert.deepEqual(world.pump(), []);
  world.replace(first);
  assert.deepEqual(world.pump(), []);
  const { inFlight, reserved, updated } = world.counts(key);
  assert.deepEqual({ inFlight, reserved, updated }, { inFlight: 0, reserved: 0, updated: 1 });
  world.controller.setLosses([]);
  assert.equal(nodesOf(world.pump()).length, 1);
  assert.equal(world.finish().length, 5);
});

test('stale view: told every second with another duration → one line at its start and one at its end; the block says the latest', () => {
  const world = new World(2);
  world.lead();
  world.add(optedIn('agent', '1'));
  for (const seconds of [60, 61, 62]) {
    world.controller.setLosses([{ ...PODS_LOST, reason: `failing for ${seconds} s` }]);
    world.pump(1000);
  }
  assert.match(blockedOf(world, AGENT) ?? '', /failing for 62 s$/);
  world.controller.setLosses([]);
  world.controller.setLosses([]);
  const lines = world.ports.logs.filter(({ message }) => /view/.test(message));
  const stream = PODS_LOST.stream;
  assert.deepEqual(lines, [
    {
      level: 'warn',
      message: 'nothing new is decided: the view is stale',
      fields: { stream, detail: 'failing for 60 s' },
    },
    { level: 'info', message: 'the view is current again', fields: { stream } },
  ]);
});

test('view look: once a second; a turn in between looks only when a second is over', () => {
  const look = new ViewLook();
  assert.ok(look.isDue(0), 'never looked');
  look.saw([], 5000);
  assert.equal(look.isDue(5999), false);
  assert.ok(look.isDue(6000));
});

test('view look: nothing lost → nobody is told; losses → told each time, and once more when they are over', () => {
  const look = new ViewLook();
  const told = [[], [NODES_LOST], [NODES_LOST], [], []].map((losses, index) => look.saw(losses, index));
  assert.deepEqual(told, [false, true, true, true, false]);
});

test('view streams: whose decisions rest on them', () => {
  assert.deepEqual(daemonSetsView(''), { stream: 'daemonsets', scope: { of: 'all' } });
  assert.deepEqual(daemonSetsView('edge'), {
    stream: 'daemonsets in edge',
    scope: { of: 'namespace', namespace: 'edge' },
  });
  const scope = { of: 'daemonset', key: AGENT };
  assert.deepEqual(podsView(AGENT), { stream: `pods of ${AGENT}`, scope });
  assert.deepEqual(revisionsView(AGENT), { stream: `controllerrevisions of ${AGENT}`, scope });
});
