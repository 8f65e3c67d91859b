import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Hold, StaleNotices } from '../../src/controller/stale-notices.ts';
import { NODES_VIEW, podsView, type ViewLoss } from '../../src/controller/view-losses.ts';
import { daemonSetKey } from '../../src/protocol/slot.ts';
import { optedIn, World } from './world.ts';

const LOST: ViewLoss = { ...podsView(daemonSetKey('kube-system', 'agent')), reason: 'failing for 60 s: not allowed' };

/** Two DaemonSets, one of which is not seen; the view is looked at once a second. */
function staleWorld(): World {
  const world = new World(2);
  world.lead();
  world.add(optedIn('agent', '1'));
  world.add(optedIn('other', '1'));
  world.pump();
  return world;
}

function lookFor(world: World, seconds: number, losses: readonly ViewLoss[] = [LOST]): void {
  for (let second = 0; second < seconds; second += 1) {
    world.controller.setLosses(losses);
    world.pump(1000);
  }
}

function viewEvents(world: World): string[] {
  const events = world.ports.events.filter(({ reason }) => reason.startsWith('View'));
  return events.map(({ type, reason, daemonSet, message }) => `${type} ${reason} ${daemonSet}: ${message}`);
}

const STALE = `Warning ViewStale kube-system/agent: nothing new is decided: ${LOST.stream}: ${LOST.reason}`;
const CURRENT = 'Normal ViewCurrent kube-system/agent: what is in the cluster is known again after 300 s; it goes on';

test('stale notices: five minutes → one Warning after 10 s, one Normal at the end, about that DaemonSet alone', () => {
  const world = staleWorld();
  lookFor(world, 10);
  assert.deepEqual(viewEvents(world), []);
  lookFor(world, 290);
  assert.deepEqual(viewEvents(world), [STALE]);
  lookFor(world, 3, []);
  assert.deepEqual(viewEvents(world), [STALE, CURRENT]);
});

test('stale notices: over within 10 s → nothing is said', () => {
  const world = staleWorld();
  lookFor(world, 9);
  lookFor(world, 60, []);
  assert.deepEqual(viewEvents(world), []);
});

test('stale notices: nobody looks again → it wakes to say it, once', () => {
  const world = staleWorld();
  world.controller.setLosses([LOST]);
  world.pump();
  assert.equal(world.controller.nextWakeMs(world.nowMs), world.nowMs + 10_000);
  world.pump(10_000);
  assert.deepEqual(viewEvents(world), [STALE]);
  assert.notEqual(world.controller.nextWakeMs(world.nowMs), world.nowMs);
});

test('stale notices: standing by → nothing; leading → 10 s later; not leading any more at its end → nothing', () => {
  const world = staleWorld();
  world.standBy();
  lookFor(world, 100);
  assert.deepEqual(viewEvents(world), []);
  world.lead();
  lookFor(world, 12);
  assert.deepEqual(viewEvents(world), [STALE]);
  world.standBy();
  lookFor(world, 3);
  lookFor(world, 3, []);
  world.lead();
  lookFor(world, 20, []);
  assert.deepEqual(viewEvents(world), [STALE]);
});

test('stale notices: the DaemonSet opts out meanwhile → nothing is kept or said', () => {
  const world = staleWorld();
  lookFor(world, 5);
  world.apply(optedIn('agent', '1', { annotations: {} }));
  world.pump();
  assert.ok((world.controller.nextWakeMs(world.nowMs) ?? Number.POSITIVE_INFINITY) > world.nowMs + 10_000);
  lookFor(world, 100);
  assert.deepEqual(viewEvents(world), []);
});

const NODES_LOST: ViewLoss = { ...NODES_VIEW, reason: 'failing for 60 s: not allowed' };

test('stale notices: nodes, which all need → told to those that have something to do, and when the others have', () => {
  const world = staleWorld();
  world.add(optedIn('idle', '1'), 'new');
  world.pump();
  lookFor(world, 60, [NODES_LOST]);
  const told = () => viewEvents(world).map((line) => line.split(':')[0]?.split('/')[1]);
  assert.deepEqual(told(), ['agent', 'other']);
  world.supersede(optedIn('idle', '1'), 'newer');
  lookFor(world, 2, [NODES_LOST]);
  assert.deepEqual(told(), ['agent', 'other', 'idle']);
  lookFor(world, 2, []);
  assert.deepEqual(told().slice(3).sort(), ['agent', 'idle', 'other']);
});

test('stale notices: its own pods, of one that has nothing to do as far as is known → told', () => {
  const world = staleWorld();
  const key = world.add(optedIn('idle', '1'), 'new');
  world.pump();
  lookFor(world, 12, [{ ...podsView(key), reason: 'not allowed' }]);
  assert.match(viewEvents(world).join(), /^Warning ViewStale kube-system\/idle: /);
});

test('stale notices: the DaemonSet cannot be read → an event and a line with the reason, and the same when it is over', () => {
  const world = staleWorld();
  world.apply(optedIn('agent', '1', { unreadable: 'daemonset kube-system/agent: too large' }));
  lookFor(world, 20, []);
  const reason = 'nothing new is decided: cannot be read: daemonset kube-system/agent: too large';
  assert.deepEqual(viewEvents(world), [`Warning ViewStale kube-system/agent: ${reason}`]);
  world.apply(optedIn('agent', '1'));
  lookFor(world, 2, []);
  assert.match(viewEvents(world).join(), /,Normal ViewCurrent kube-system\/agent: /);
  const lines = world.ports.logs.filter(({ message }) => message.startsWith('View'));
  assert.deepEqual(
    lines.map(({ level, message, fields }) => [level, message, fields.detail === reason]),
    [
      ['warn', 'ViewStale', true],
      ['info', 'ViewCurrent', false],
    ],
  );
});

const HOLD: Hold = { reason: 'nodes: x', isOwn: false, isFelt: true };
const KEYS = Array.from({ length: 3000 }, (_, index) => daemonSetKey('edge', `agent-${index}`));

/** Looks at all of them whenever something is to be said, as the controller does; what was said in each second. */
function sayings(
  notices: StaleNotices,
  hold: Hold | undefined,
  from: { readonly ms: number; readonly untilMs: number },
) {
  const perSecond: number[] = [];
  let looks = 0;
  for (let nowMs = from.ms; nowMs < from.untilMs; looks += 1) {
    const second = Math.floor((nowMs - from.ms) / 1000);
    const said = KEYS.filter((key) => notices.next(key, hold, nowMs) !== undefined).length;
    perSecond[second] = (perSecond[second] ?? 0) + said;
    const wakeMs = notices.nextWakeMs ?? Number.POSITIVE_INFINITY;
    assert.ok(wakeMs > nowMs, 'it does not wake in vain');
    nowMs = Math.ceil(wakeMs);
  }
  return { perSecond, looks, total: perSecond.reduce((sum, said) => sum + (said ?? 0), 0) };
}

test('stale notices: 3,000 DaemonSets at once → each told, 50 and then 10 a second, both times', () => {
  const notices = new StaleNotices();
  const begun = sayings(notices, HOLD, { ms: 0, untilMs: 600_000 });
  assert.equal(begun.total, 3000);
  assert.ok(Math.max(...begun.perSecond.filter((said) => said !== undefined)) <= 60);
  assert.ok((begun.perSecond[310] ?? 0) === 0 && (begun.perSecond[300] ?? 0) > 0, 'told within five minutes');
  assert.equal(sayings(notices, undefined, { ms: 600_000, untilMs: 1_200_000 }).total, 3000);
  assert.equal(notices.nextWakeMs, undefined);
});

test('stale notices: over before all were told → only those who were are told so; stale again before that → nothing', () => {
  const notices = new StaleNotices();
  assert.equal(sayings(notices, HOLD, { ms: 0, untilMs: 20_000 }).total, 149);
  assert.equal(sayings(notices, undefined, { ms: 20_000, untilMs: 25_000 }).total, 50);
  assert.equal(sayings(notices, HOLD, { ms: 25_000, untilMs: 26_000 }).total, 0);
  assert.equal(sayings(notices, undefined, { ms: 26_000, untilMs: 600_000 }).total, 99);
});

test('stale notices: nothing to do for a while → said when there is, with no wake-up until then', () => {
  const notices = new StaleNotices();
  const [key] = KEYS;
  assert.ok(key !== undefined);
  const idle = { ...HOLD, isFelt: false };
  assert.equal(notices.next(key, idle, 0), undefined);
  assert.equal(notices.next(key, idle, 10_000), undefined);
  assert.equal(notices.nextWakeMs, undefined);
  assert.match(notices.next(key, HOLD, 70_000)?.statement.message ?? '', /nodes: x$/);
  assert.match(notices.next(key, undefined, 80_000)?.statement.message ?? '', /after 80 s/);
});
