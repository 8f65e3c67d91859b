import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Followed } from '../../src/controller/followed.ts';
import { cluster, daemonSet, node, pod, revision, T0 } from '../rollout/records.ts';
import { optedIn, World } from './world.ts';

const SHARED = { reason: 'nodes: failing', isShared: true };

/** One node with a pod of that revision; `new` is the newest. */
function followed(hash: string, parts: readonly ('pods' | 'revisions')[] = ['pods', 'revisions']): Followed {
  const it = new Followed(daemonSet(), [].values());
  it.update(daemonSet(), T0);
  for (const object of [revision('old', 1), revision('new', 2)]) it.onRevision({ type: 'added', object }, T0);
  const { nodes, pods } = cluster(1, hash);
  for (const object of nodes) it.onNode({ type: 'added', object }, T0);
  for (const object of pods) it.onPod({ type: 'added', object }, T0);
  for (const part of parts) it.markSynced(part);
  it.rollout.setSynced(it.hasSynced, T0);
  return it;
}

const isFelt = (it: Followed): boolean | undefined => {
  it.setStale(SHARED);
  return it.hold?.isFelt;
};

test('followed: a view that all share is stale → felt where something waits, is under way, or is not read yet; not where all is done', () => {
  assert.equal(isFelt(followed('old')), true, 'its pod waits');
  const done = followed('new');
  assert.equal(isFelt(done), false);
  done.onPod({ type: 'modified', object: pod('n01', 'new', { isTerminating: true }) }, T0);
  assert.equal(done.rollout.counts().waiting, 0);
  assert.equal(isFelt(done), true, 'its pod is being replaced');
  assert.equal(isFelt(followed('new', ['pods'])), true, 'its revisions are not read: what waits is not known');
});

test('followed: its own view is stale, or it cannot be read → felt though all is done; what cannot be read goes before', () => {
  const done = followed('new');
  assert.equal(done.hold, undefined);
  done.setStale({ reason: 'pods: failing', isShared: false });
  assert.deepEqual(done.hold, { reason: 'pods: failing', isOwn: false, isFelt: true });
  done.update(daemonSet({ unreadable: 'too large' }), T0);
  assert.deepEqual(done.hold, { reason: 'cannot be read: too large', isOwn: true, isFelt: true });
});

test('followed: the reason of a stale view changes → looked at again; the same once more → not', () => {
  const it = followed('new');
  it.isDirty = false;
  it.setStale({ ...SHARED });
  assert.equal(it.isDirty, true);
  it.isDirty = false;
  it.setStale({ ...SHARED });
  assert.equal(it.isDirty, false);
  it.onNode({ type: 'modified', object: node('n01', { isReady: false }) }, T0);
  assert.equal(it.isDirty, true);
});

test('followed: the lease is lost while pods are away → the pace does not tell for ever that they stalled; won again → it begins anew', () => {
  const world = new World(10);
  world.lead();
  const key = world.add(optedIn('agent', '3'));
  world.pump();
  for (const { task } of [...world.held]) world.answer(task, 'done');
  const phase = (laterMs = 0) => world.controller.find(key)?.rollout.pace(world.nowMs + laterMs).phase;
  world.pump(10_000);
  assert.equal(phase(), 'starting');
  world.standBy();
  world.pump(10_000);
  assert.equal(phase(3_600_000), 'idle');
  world.lead();
  world.pump();
  assert.equal(phase(), 'starting');
});
