import assert from 'node:assert/strict';
import { test } from 'node:test';
import { daemonSetKey } from '../../src/protocol/slot.ts';
import { revision, T0 } from '../rollout/records.ts';
import { optedIn, World } from './world.ts';

const AGENT = daemonSetKey('kube-system', 'agent');
const RECORD = optedIn('agent', '3');

/** Ten nodes with an old pod each, 3 at a time; everything is read. */
function led(record = RECORD): World {
  const world = new World(10);
  world.lead();
  world.add(record);
  return world;
}

function blockOf(world: World): string | undefined {
  return world.controller.find(AGENT)?.rollout.blocked()?.code;
}

/** A revision as a watch or a list tells it. */
function tell(world: World, hash: string, number: number, templateDigest = 'template'): void {
  const changes = { ownerUid: RECORD.uid, uid: `${RECORD.uid}-${hash}`, templateDigest, resourceVersion: `${number}` };
  world.controller.onRevision(AGENT, { type: 'modified', object: revision(hash, number, changes) }, world.nowMs);
}

test('trust 6: revisions: an undo whose revision is late → no pod is deleted, what has not left is taken back, then none is old', () => {
  const world = new World(10, { lanes: 1, laneInFlightMax: 1 });
  world.lead();
  world.add(RECORD);
  assert.equal(world.pump().length, 1, 'the others wait for the lane');
  assert.deepEqual(world.ports.revisionReads, [], 'the first list was fresh');
  world.apply({ ...RECORD, generation: 2, observedGeneration: 2, templateDigest: 'old' });
  const [task] = world.held.map((held) => held.task);
  assert.ok(task);
  world.answer(task, 'conflict');
  for (let minutes = 0; minutes < 10; minutes += 1) assert.deepEqual(world.pump(60_000), [], `after ${minutes} min`);
  assert.deepEqual(world.ports.revisionReads, [AGENT], 'one list a change');
  assert.equal(blockOf(world), 'revisions-behind');
  tell(world, 'old', 3, 'old');
  assert.deepEqual(world.pump(), [], 'that the watch has told it does not say that there is nothing newer');
  world.controller.onRevisionsRead(AGENT);
  assert.deepEqual(world.pump(), []);
  assert.equal(blockOf(world), undefined);
  assert.equal(world.counts(AGENT).updated, 10);
});

test('trust 6: revisions: changed and changed back → nothing until they are read, and then nothing is old', () => {
  const world = led({ ...RECORD, templateDigest: 'new' });
  tell(world, 'new', 2, 'new');
  world.finish();
  world.apply({ ...RECORD, generation: 3, observedGeneration: 3, templateDigest: 'new' });
  assert.deepEqual(world.pump(), []);
  world.controller.onRevisionsRead(AGENT);
  assert.deepEqual(world.pump(), []);
  assert.equal(world.counts(AGENT).updated, 10);
});

test('trust 6: revisions: a generation that is not observed, then is → asked for once it is, not before', () => {
  const world = led();
  world.pump();
  world.apply({ ...RECORD, generation: 2, resourceVersion: '2' });
  world.pump(1);
  assert.equal(blockOf(world), 'generation-behind');
  assert.deepEqual(world.ports.revisionReads, []);
  world.apply({ ...RECORD, generation: 2, observedGeneration: 2, resourceVersion: '3' });
  world.pump(1);
  assert.deepEqual(world.ports.revisionReads, [AGENT]);
  for (let index = 0; index < 5; index += 1) {
    world.apply({ ...RECORD, generation: 2, observedGeneration: 2, resourceVersion: `${4 + index}` });
    world.pump(1);
  }
  assert.deepEqual(world.ports.revisionReads, [AGENT], 'a change of its status is nothing to list for');
});

test('trust 6: revisions: followed before its generation was observed → the first list does not count', () => {
  const world = new World(10);
  world.lead();
  world.add({ ...RECORD, generation: 1, observedGeneration: 0 });
  world.apply(RECORD);
  assert.deepEqual(world.pump(), []);
  assert.deepEqual(world.ports.revisionReads, [AGENT]);
  world.controller.onRevisionsRead(AGENT);
  assert.equal(world.pump().length, 3);
});

test('trust 6: revisions: changed again while they are listed → the answer of the first list is not enough', () => {
  const world = led();
  world.apply({ ...RECORD, generation: 2, observedGeneration: 2, resourceVersion: '2' });
  world.pump(1);
  world.apply({ ...RECORD, generation: 3, observedGeneration: 3, resourceVersion: '3' });
  world.pump(1);
  assert.equal(world.ports.revisionReads.length, 2);
  assert.equal(blockOf(world), 'revisions-behind');
});

test('trust 6: revisions: they cannot be listed → the reason is told', () => {
  const world = led();
  world.apply({ ...RECORD, generation: 2, observedGeneration: 2, resourceVersion: '2' });
  world.pump(1);
  world.controller.onRevisionsProblem(AGENT, 'forbidden: no right');
  assert.deepEqual(world.pump(1), []);
  const message = world.controller.find(AGENT)?.rollout.blocked()?.message ?? '';
  assert.match(message, /not been read since generation 2 was observed: forbidden: no right/);
});

test('trust 6: revisions: the newest has another template than the DaemonSet → listed again 1, 2, 4 … s later; the DaemonSet follows', () => {
  const world = led();
  world.pump();
  world.apply({ ...RECORD, generation: 2, observedGeneration: 2, templateDigest: 'A' });
  world.pump(1);
  tell(world, 'newest', 3, 'B');
  world.controller.onRevisionsRead(AGENT);
  assert.deepEqual(world.pump(1), []);
  assert.equal(blockOf(world), 'revisions-behind');
  assert.equal(world.ports.revisionReads.length, 1);
  assert.equal(world.controller.nextWakeMs(world.nowMs), world.nowMs + 1000, 'nothing else would wake it');
  for (const [index, afterMs] of [1000, 2000, 4000].entries()) {
    world.pump(afterMs - 1);
    assert.equal(world.ports.revisionReads.length, 1 + index, `before ${afterMs} ms`);
    world.pump(1);
    assert.equal(world.ports.revisionReads.length, 2 + index, `after ${afterMs} ms`);
    world.controller.onRevisionsRead(AGENT);
    world.pump();
  }
  world.apply({ ...RECORD, generation: 3, observedGeneration: 3, templateDigest: 'B' });
  world.pump();
  world.controller.onRevisionsRead(AGENT);
  world.pump();
  assert.equal(blockOf(world), undefined);
});

test('trust 6: revisions: a template that differs for a minute without a change → the number is believed, said once in the log', () => {
  const world = led({ ...RECORD, templateDigest: 'with a field that the controller manager does not know' });
  const begunMs = world.nowMs;
  while (world.pump(500).length === 0) {
    assert.ok(world.nowMs < begunMs + 120_000, 'it goes on in the end');
    world.controller.onRevisionsRead(AGENT);
  }
  assert.ok(world.nowMs >= begunMs + 60_000, `after ${world.nowMs - begunMs} ms`);
  assert.ok(world.ports.revisionReads.length <= 8, `${world.ports.revisionReads.length} lists`);
  assert.equal(world.finish().length, 7 + 3);
  assert.equal(world.ports.logs.filter(({ message }) => message.startsWith('the newest ControllerRevision')).length, 1);
});

test('trust 6: revisions: the newest one is deleted → its pods are wanted still, however long it takes until it is made again', () => {
  const world = led({ ...RECORD, templateDigest: 'new' });
  const fewer = { ownerUid: RECORD.uid, uid: `${RECORD.uid}-new`, templateDigest: 'new' };
  tell(world, 'old', 1, 'old');
  tell(world, 'new', 2, 'new');
  world.finish();
  assert.equal(world.counts(AGENT).updated, 10);
  world.controller.onRevision(AGENT, { type: 'deleted', object: revision('new', 2, fewer) }, world.nowMs);
  for (let minutes = 0; minutes < 60; minutes += 1) {
    assert.deepEqual(world.pump(60_000), [], `after ${minutes} min`);
    world.controller.onRevisionsRead(AGENT);
  }
  assert.equal(blockOf(world), 'revisions-behind');
  tell(world, 'new', 2, 'new');
  world.pump(60_000);
  world.controller.onRevisionsRead(AGENT);
  assert.deepEqual(world.pump(60_000), []);
  assert.deepEqual([blockOf(world), world.counts(AGENT).updated], [undefined, 10]);
});

test('trust 6: revisions: the API server is upgraded and knows one more field of the same generation → believed after a minute', () => {
  const world = led({ ...RECORD, templateDigest: 'template' });
  world.pump();
  world.apply({ ...RECORD, templateDigest: 'template with one more default' });
  const begunMs = world.nowMs;
  while (blockOf(world) !== undefined || world.nowMs < begunMs + 1000) {
    assert.ok(world.nowMs < begunMs + 120_000, 'it goes on in the end');
    world.pump(500);
    world.controller.onRevisionsRead(AGENT);
  }
  assert.ok(world.nowMs >= begunMs + 60_000, `after ${world.nowMs - begunMs} ms`);
});

test('trust 6: revisions: another template comes within that minute → it begins anew', () => {
  const world = led({ ...RECORD, templateDigest: 'X' });
  for (let seconds = 0; seconds < 50; seconds += 1) {
    assert.deepEqual(world.pump(1000), []);
    world.controller.onRevisionsRead(AGENT);
  }
  tell(world, 'newest', 3, 'Y');
  for (let seconds = 0; seconds < 50; seconds += 1) {
    assert.deepEqual(world.pump(1000), []);
    world.controller.onRevisionsRead(AGENT);
  }
});

test('trust 6: revisions: a template that cannot be compared → not believed at once', () => {
  const world = led({ ...RECORD, templateDigest: '' });
  tell(world, 'new', 2, '');
  assert.deepEqual(world.pump(1000), []);
  assert.equal(blockOf(world), 'revisions-behind');
});

test('trust 7: a remade DaemonSet adopts pods of a later generation and an unknown revision → all are replaced, none is done', () => {
  const world = new World(6);
  world.lead();
  const remade = optedIn('agent', '6', {
    createdAtMs: T0 - 60_000,
    annotations: { ...RECORD.annotations, 'deprecated.daemonset.template.generation': '1' },
  });
  world.apply(remade);
  tell(world, 'new', 1);
  for (const name of ['n1', 'n2', 'n3', 'n4', 'n5', 'n6']) {
    world.createPod(AGENT, name, 'of-the-first', { templateGeneration: '5', createdAtMs: T0 - 3_600_000 });
  }
  world.sync(AGENT);
  assert.equal(world.finish().length, 6);
});
