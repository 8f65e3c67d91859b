import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import type { Case } from './suite.ts';
import { type Json, PARTIAL, type Wire } from './target.ts';

const LABEL = 'labelSelector=list%3Dpages';

async function withPods(wire: Wire, count: number): Promise<string[]> {
  const names: string[] = [];
  for (let index = 0; index < count; index += 1) {
    names.push((await wire.createPod({ labels: { list: 'pages' } })).metadata.name);
  }
  return names.sort();
}

async function removeAll(wire: Wire, names: readonly string[]): Promise<void> {
  await Promise.all(names.map((name) => wire.removePod(name)));
}

function namesOf(list: Json): string[] {
  return list.items.map((item: Json) => item.metadata.name);
}

export const LIST_CASES: readonly Case[] = [
  {
    title: 'list: limit and continue → every object once, in order of names, at one revision',
    run: async (wire) => {
      const names = await withPods(wire, 5);
      const first = await wire.must({ path: wire.pods('', `${LABEL}&limit=2`) });
      assert.equal(first.kind, 'PodList');
      assert.equal(first.items.length, 2);
      const extra = await wire.createPod({ labels: { list: 'pages' } });
      const found = namesOf(first);
      let page = first;
      while (page.metadata.continue) {
        const token = encodeURIComponent(page.metadata.continue);
        page = await wire.must({ path: wire.pods('', `${LABEL}&limit=2&continue=${token}`) });
        assert.equal(page.metadata.resourceVersion, first.metadata.resourceVersion);
        found.push(...namesOf(page));
      }
      assert.deepEqual(found, names);
      await removeAll(wire, [...names, extra.metadata.name]);
    },
  },
  {
    title: 'list: resourceVersion=0 with a limit → the limit is ignored',
    run: async (wire) => {
      const names = await withPods(wire, 3);
      // The cache that answers may be behind; once it shows what is there, it does not go back.
      const isThere = (list: Json): boolean => isDeepStrictEqual(namesOf(list), names);
      await wire.until({ path: wire.pods('', `${LABEL}&resourceVersion=0`) }, ({ json }) => isThere(json));
      const limited = await wire.must({ path: wire.pods('', `${LABEL}&limit=1&resourceVersion=0`) });
      assert.deepEqual(namesOf(limited), names);
      assert.equal(limited.metadata.continue ?? '', '');
      await removeAll(wire, names);
    },
  },
  {
    title: 'list: continue after compaction → 410 Expired with a token to go on',
    needs: 'compact',
    run: async (wire, { compact }) => {
      const names = await withPods(wire, 3);
      const first = await wire.must({ path: wire.pods('', `${LABEL}&limit=1`) });
      await removeAll(wire, [(await wire.createPod()).metadata.name]);
      await compact();
      const token = encodeURIComponent(first.metadata.continue);
      const path = wire.pods('', `${LABEL}&limit=1&continue=${token}`);
      // A real API server answers from its cache until that, too, has noticed the compaction.
      const { json } = await wire.until({ path }, (answer) => answer.status === 410);
      assert.equal(json.code, 410);
      assert.equal(json.reason, 'Expired');
      const next = encodeURIComponent(json.metadata.continue);
      const rest = await wire.must({ path: wire.pods('', `${LABEL}&continue=${next}`) });
      assert.equal(rest.items.length, 2);
      await removeAll(wire, names);
    },
  },
  {
    title: 'list: labelSelector → equality, sets and existence select',
    run: async (wire) => {
      const pod = await wire.createPod({ labels: { tier: 'a', extra: 'x' } });
      const other = await wire.createPod({ labels: { tier: 'b' } });
      const rows: [string, string[]][] = [
        ['tier=a', [pod.metadata.name]],
        ['tier in (a,b)', [pod.metadata.name, other.metadata.name]],
        ['tier,!extra', [other.metadata.name]],
        ['tier!=a,tier notin (c)', [other.metadata.name]],
      ];
      for (const [selector, expected] of rows) {
        const query = `labelSelector=${encodeURIComponent(`suite=conformance,${selector}`)}`;
        const found = namesOf(await wire.must({ path: wire.pods('', query) }));
        const mine = found.filter((name) => [pod.metadata.name, other.metadata.name].includes(name));
        assert.deepEqual(mine.sort(), expected.sort(), selector);
      }
      await removeAll(wire, [pod.metadata.name, other.metadata.name]);
    },
  },
  {
    title: 'list: fieldSelector spec.nodeName → only the pods of that node',
    run: async (wire) => {
      const pod = await wire.createPod({ nodeName: wire.nodeName });
      const other = await wire.createPod();
      const query = `fieldSelector=${encodeURIComponent(`spec.nodeName=${wire.nodeName}`)}`;
      assert.deepEqual(namesOf(await wire.must({ path: `/api/v1/pods?${query}` })), [pod.metadata.name]);
      await removeAll(wire, [pod.metadata.name, other.metadata.name]);
    },
  },
  {
    title: 'list: items → without kind and apiVersion, but for PartialObjectMetadata',
    run: async (wire) => {
      const pod = await wire.createPod();
      const path = wire.pods('', `fieldSelector=metadata.name%3D${pod.metadata.name}`);
      const full = await wire.must({ path });
      assert.deepEqual([full.apiVersion, full.kind], ['v1', 'PodList']);
      assert.deepEqual([full.items[0].apiVersion, full.items[0].kind], [undefined, undefined]);
      const accept = PARTIAL.replace('PartialObjectMetadata', 'PartialObjectMetadataList');
      const partial = await wire.must({ path, accept });
      assert.deepEqual([partial.apiVersion, partial.kind], ['meta.k8s.io/v1', 'PartialObjectMetadataList']);
      assert.equal(partial.items[0].kind, 'PartialObjectMetadata');
      assert.equal(partial.items[0].spec, undefined);
      await removeAll(wire, [pod.metadata.name]);
    },
  },
  {
    title: 'list: malformed selectors and tokens → 400 BadRequest',
    run: async (wire) => {
      for (const query of ['labelSelector=a%3D%3D%3Db', 'fieldSelector=spec.unknown%3Dx', 'continue=%25%25%25']) {
        const answer = await wire.send({ path: wire.pods('', query) });
        assert.equal(answer.status, 400, query);
        assert.equal(answer.json.reason, 'BadRequest', query);
      }
    },
  },
  {
    title: 'list: a resourceVersion of the future → 504 with cause ResourceVersionTooLarge',
    run: async (wire) => {
      const answer = await wire.send({ path: wire.pods('', 'resourceVersion=999999999') });
      assert.equal(answer.status, 504);
      assert.equal(answer.json.reason, 'Timeout');
      assert.equal(answer.json.details.causes[0].reason, 'ResourceVersionTooLarge');
    },
  },
];
