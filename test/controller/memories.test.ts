import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Rollout } from '../../src/rollout/rollout.ts';
import { optedIn, World } from './world.ts';

/** Rollouts that remember what they were told, and were told what is in `heard`. */
function remembering(t: TestContext) {
  const texts = new WeakMap<Rollout, string>();
  const heard: string[] = [];
  t.mock.method(Rollout.prototype, 'memory', function memory(this: Rollout) {
    return texts.get(this);
  });
  t.mock.method(Rollout.prototype, 'remember', function remember(this: Rollout, text: string) {
    heard.push(text);
    texts.set(this, text);
  });
  return { heard, set: (rollout: Rollout, text: string) => texts.set(rollout, text) };
}

const LEFT = new Map([
  ['uid-b', 'of b'],
  ['uid-a', 'of a'],
]);

test('trust 5: what the leader before remembered → told to each rollout, whether it is followed already or later', (t) => {
  const { heard } = remembering(t);
  const world = new World(2);
  world.apply(optedIn('a', '1'));
  world.controller.remember(LEFT, world.nowMs);
  assert.deepEqual(heard, ['of a']);
  world.apply(optedIn('b', '1'));
  world.apply(optedIn('c', '1'));
  assert.deepEqual(heard, ['of a', 'of b']);
  assert.deepEqual(new Map(world.controller.memories()), LEFT);
});

test('trust 5: DaemonSets are not all listed yet → what was remembered of the others is kept; then it is forgotten', (t) => {
  remembering(t);
  const world = new World(2, {}, { hasDaemonSets: false });
  world.controller.remember(LEFT, world.nowMs);
  world.apply(optedIn('a', '1'));
  assert.deepEqual([...world.controller.memories().keys()], ['uid-b', 'uid-a']);
  world.controller.onDaemonSetsSynced();
  assert.deepEqual([...world.controller.memories().keys()], ['uid-a']);
});

test('trust 5: memories change → the one that changed last comes last; opted out → forgotten, and a new rollout is told nothing', (t) => {
  const { heard, set } = remembering(t);
  const world = new World(2);
  const [a, b] = ['a', 'b'].map((name) => world.controller.find(world.add(optedIn(name, '1'))));
  assert.ok(a !== undefined && b !== undefined);
  set(a.rollout, 'one');
  set(b.rollout, 'two');
  assert.deepEqual(
    [...world.controller.memories()],
    [
      ['uid-a', 'one'],
      ['uid-b', 'two'],
    ],
  );
  set(a.rollout, 'three');
  assert.deepEqual(
    [...world.controller.memories()],
    [
      ['uid-b', 'two'],
      ['uid-a', 'three'],
    ],
  );
  world.apply(optedIn('a', '1', { annotations: {} }));
  world.apply(optedIn('a', '1'));
  assert.deepEqual([...world.controller.memories()], [['uid-b', 'two']]);
  assert.deepEqual(heard, []);
});

test('trust 5: a rollout that has not read everything yet → what was left for it is not wiped out', (t) => {
  t.mock.method(Rollout.prototype, 'memory', () => undefined);
  const world = new World(2);
  world.apply(optedIn('a', '1'));
  world.apply(optedIn('b', '1'));
  world.controller.remember(LEFT, world.nowMs);
  assert.deepEqual(new Map(world.controller.memories()), LEFT);
});
