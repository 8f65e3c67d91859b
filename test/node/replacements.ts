import assert from 'node:assert/strict';
import { appliedDeletions, summarizeWrites } from '../control-plane/audit.ts';
import { listPods, type PodObject } from '../control-plane/cluster.ts';
import type { Cluster } from '../e2e/fixture.ts';

/** A pod that the updater deleted, and what its node has now. */
export interface Replacement {
  readonly node: string;
  readonly deletedAtMs: number;
  /** When the pod after it was created; whole seconds. */
  readonly createdAtMs: number;
  /** Since when that one is Ready; whole seconds. */
  readonly readySinceMs: number;
}

/** Waits until so many deletions are in the audit log; nothing else may have been written, and nothing twice. */
export async function deletedPods(cluster: Cluster, name: string, count: number): Promise<readonly string[]> {
  const writes = await cluster.updaterWritesOnce(name, (logged) => appliedDeletions(logged).length >= count);
  const deletions = appliedDeletions(writes);
  assert.equal(deletions.length, count);
  const summary = summarizeWrites(writes);
  assert.equal(summary.writes, summary.deletes, 'something else than deletions');
  assert.deepEqual([...summary.duplicates], []);
  return deletions.toSorted((a, b) => a.receivedMs - b.receivedMs).map(({ pod }) => pod);
}

/** In the order of the deletions, of a rollout that is complete and replaced each of the pods once. */
export async function replacementsOf(cluster: Cluster, before: readonly PodObject[]): Promise<Replacement[]> {
  const name = before[0]?.metadata.labels?.app ?? '';
  const after = await listPods(cluster.plane.admin, { name });
  await deletedPods(cluster, name, before.length);
  const deletions = appliedDeletions(await cluster.updaterWrites(name));
  const replacements = before.map((old) => {
    const current = after.find(({ spec }) => spec.nodeName === old.spec.nodeName);
    const deletion = deletions.find(({ pod }) => pod === old.metadata.name);
    if (current === undefined || deletion === undefined) throw new Error(`${old.metadata.name} was not replaced`);
    const ready = current.status?.conditions?.find(({ type }) => type === 'Ready');
    return {
      node: old.spec.nodeName ?? '',
      deletedAtMs: deletion.receivedMs,
      createdAtMs: Date.parse(current.metadata.creationTimestamp ?? ''),
      readySinceMs: Date.parse(ready?.lastTransitionTime ?? ''),
    };
  });
  return replacements.sort((a, b) => a.deletedAtMs - b.deletedAtMs);
}
