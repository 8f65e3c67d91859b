import assert from 'node:assert/strict';
import type { Case } from './suite.ts';
import { type Json, STRATEGIC, type Wire } from './target.ts';
import { WatchReader } from './watching.ts';

async function revisionNow(wire: Wire): Promise<string> {
  return (await wire.must({ path: wire.pods('', 'limit=1') })).metadata.resourceVersion;
}

async function label(wire: Wire, name: string, labels: Json): Promise<Json> {
  return await wire.must({
    method: 'PATCH',
    path: wire.pods(name),
    contentType: STRATEGIC,
    body: { metadata: { labels } },
  });
}

export const WATCH_CASES: readonly Case[] = [
  {
    title: 'watch: from a revision → ADDED, MODIFIED, DELETED in order, each with its own revision',
    run: async (wire) => {
      const from = await revisionNow(wire);
      const pod = await wire.createPod();
      const { name } = pod.metadata;
      const patched = await label(wire, name, { step: 'two' });
      await wire.removePod(name);
      const query = `watch=true&resourceVersion=${from}&fieldSelector=metadata.name%3D${name}`;
      const watch = await WatchReader.open(wire, wire.pods('', query));
      assert.match(watch.contentType, /^application\/json/);
      const added = await watch.next();
      assert.equal(added.type, 'ADDED');
      assert.equal(added.object.metadata.resourceVersion, pod.metadata.resourceVersion);
      const modified = await watch.find((frame) => frame.object.metadata.labels.step === 'two');
      assert.equal(modified.type, 'MODIFIED');
      assert.equal(modified.object.metadata.resourceVersion, patched.metadata.resourceVersion);
      const deleted = await watch.find((frame) => frame.type !== 'MODIFIED');
      assert.equal(deleted.type, 'DELETED');
      const revisions = [added, modified, deleted].map((frame) => Number(frame.object.metadata.resourceVersion));
      assert.deepEqual(
        revisions,
        [...new Set(revisions)].sort((left, right) => left - right),
      );
      watch.close();
    },
  },
  {
    title: 'watch: an object enters and leaves the selection → ADDED and DELETED, though it still exists',
    run: async (wire) => {
      const value = wire.unique('chosen');
      const from = await revisionNow(wire);
      const pod = await wire.createPod({ labels: { select: 'no' } });
      const query = `watch=true&resourceVersion=${from}&labelSelector=select%3D${value}`;
      const watch = await WatchReader.open(wire, wire.pods('', query));
      await label(wire, pod.metadata.name, { select: value });
      const gone = await label(wire, pod.metadata.name, { select: 'no' });
      assert.equal((await watch.next()).type, 'ADDED');
      const deleted = await watch.next();
      assert.equal(deleted.type, 'DELETED');
      assert.equal(deleted.object.metadata.labels.select, value);
      assert.equal(deleted.object.metadata.resourceVersion, gone.metadata.resourceVersion);
      watch.close();
      await wire.removePod(pod.metadata.name);
    },
  },
  {
    title: 'watch: without a revision → what is there comes first, as ADDED',
    run: async (wire) => {
      const pod = await wire.createPod();
      const query = `watch=true&fieldSelector=metadata.name%3D${pod.metadata.name}`;
      const watch = await WatchReader.open(wire, wire.pods('', query));
      const frame = await watch.next();
      assert.equal(frame.type, 'ADDED');
      assert.equal(frame.object.metadata.uid, pod.metadata.uid);
      watch.close();
      await wire.removePod(pod.metadata.name);
    },
  },
  {
    title: 'watch: sendInitialEvents → what is there, then a bookmark that says so, then what happens',
    run: async (wire) => {
      const mark = wire.unique('initial');
      const pods = [await wire.createPod({ labels: { mark } }), await wire.createPod({ labels: { mark } })];
      const query =
        'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true' +
        `&resourceVersion=&labelSelector=mark%3D${mark}`;
      const watch = await WatchReader.open(wire, wire.pods('', query));
      const first = [await watch.next(), await watch.next()];
      assert.deepEqual(
        first.map((frame) => frame.type),
        ['ADDED', 'ADDED'],
      );
      const end = await watch.find((frame) => frame.type !== 'MODIFIED');
      assert.equal(end.type, 'BOOKMARK');
      assert.equal(end.object.kind, 'Pod');
      assert.equal(end.object.metadata.annotations['k8s.io/initial-events-end'], 'true');
      assert.ok(Number(end.object.metadata.resourceVersion) >= Number(pods[1].metadata.resourceVersion));
      await label(wire, pods[0].metadata.name, { step: 'after' });
      await watch.find((frame) => frame.type === 'MODIFIED' && frame.object.metadata.labels.step === 'after');
      watch.close();
      await Promise.all(pods.map((pod) => wire.removePod(pod.metadata.name)));
    },
  },
  {
    title: 'watch: sendInitialEvents without resourceVersionMatch → 422 Invalid',
    run: async (wire) => {
      const answer = await wire.send({ path: wire.pods('', 'watch=true&sendInitialEvents=true') });
      assert.equal(answer.status, 422);
      assert.equal(answer.json.reason, 'Invalid');
    },
  },
  {
    title: 'watch: allowWatchBookmarks → a bookmark with nothing but a revision',
    needs: 'sendBookmarks',
    run: async (wire, { sendBookmarks }) => {
      const from = await revisionNow(wire);
      const query = `watch=true&allowWatchBookmarks=true&resourceVersion=${from}&labelSelector=nothing%3Dhere`;
      const watch = await WatchReader.open(wire, wire.pods('', query));
      await wire.removePod((await wire.createPod()).metadata.name);
      await sendBookmarks();
      const frame = await watch.next();
      assert.equal(frame.type, 'BOOKMARK');
      assert.equal(frame.object.kind, 'Pod');
      assert.ok(Number(frame.object.metadata.resourceVersion) >= Number(from));
      assert.equal(frame.object.metadata.name, undefined);
      watch.close();
    },
  },
  {
    title: 'watch: from a compacted revision → 410 Expired, as an answer or as an ERROR event',
    needs: 'compact',
    run: async (wire, { compact }) => {
      await wire.removePod((await wire.createPod()).metadata.name);
      await compact();
      const watch = await WatchReader.open(wire, wire.pods('', 'watch=true&resourceVersion=1'));
      const frame = await watch.next();
      const body = watch.status === 200 ? frame.object : frame;
      if (watch.status === 200) assert.equal(frame.type, 'ERROR');
      assert.equal(body.kind, 'Status');
      assert.equal(body.code, 410);
      assert.equal(body.reason, 'Expired');
      watch.close();
    },
  },
  {
    title: 'watch: timeoutSeconds → the server ends it',
    run: async (wire) => {
      const from = await revisionNow(wire);
      const query = `watch=true&timeoutSeconds=1&resourceVersion=${from}&labelSelector=nothing%3Dhere`;
      const watch = await WatchReader.open(wire, wire.pods('', query));
      assert.equal(await watch.nextBytes(), undefined);
    },
  },
];
