import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../src/simulator/random.ts';
import { StampClock } from './clocks.ts';
import { Lasting } from './lasting.ts';
import { Records } from './records.ts';
import { Spoilage } from './spoilage.ts';
import { Stage } from './stage.ts';

const daemonSets = [{ maxUnavailable: '10%' }];

test('simulation: clocks that stamp are set back → a DaemonSet and its pods are of the same second still', () => {
  const { cluster } = new Stage({ nodes: 1, daemonSets });
  const stamps = new StampClock();
  stamps.step(0, -600_000);
  const records = new Records(stamps, new Spoilage(cluster.store));
  const [pod] = cluster.store.all('pods');
  const [daemonSet] = cluster.store.all('daemonsets');
  assert.ok(pod !== undefined && daemonSet !== undefined);
  const writtenMs = Date.parse(daemonSet.metadata.creationTimestamp) - 600_000;
  assert.deepEqual([records.daemonSet(daemonSet).createdAtMs, records.pod(pod).createdAtMs], [writtenMs, writtenMs]);
});

test('simulation: the newest version stays bad, nodes are left out → one node fewer than may be down of the others', () => {
  const excluded = { labels: { 'daemonpodupdater.io/exclude': 'true' } };
  const stage = new Stage({ nodes: 31, nodeAt: (index) => (index === 0 ? excluded : {}), daemonSets });
  const lasting = new Lasting(stage.cluster);
  lasting.spoilNewest(createRandom(1));
  assert.equal(lasting.hopeless.size, 2);
});
