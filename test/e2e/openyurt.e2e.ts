import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { waitFor } from '../control-plane/processes.ts';
import { useCluster, withSubject } from './fixture.ts';

const NODES = 20;
const TIMEOUT_MS = 300_000;
const EVENT_TIMEOUT_MS = 60_000;
const QUIET_MS = 3_000;

interface Row {
  readonly title: string;
  readonly name: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly allowed: number;
}

/** Annotations as upstream's manual and tests have them; the budget is what upstream makes of them. */
const ROWS: readonly Row[] = [
  {
    title: 'AdvancedRollingUpdate with 30%',
    name: 'percent',
    annotations: {
      'apps.openyurt.io/update-strategy': 'AdvancedRollingUpdate',
      'apps.openyurt.io/max-unavailable': '30%',
    },
    allowed: 6,
  },
  {
    title: 'AdvancedRollingUpdate with 1',
    name: 'one',
    annotations: {
      'apps.openyurt.io/update-strategy': 'advancedrollingupdate',
      'apps.openyurt.io/max-unavailable': '1',
    },
    allowed: 1,
  },
  {
    title: 'Auto, the name of v1.1, without a budget',
    name: 'auto',
    annotations: { 'apps.openyurt.io/update-strategy': 'Auto' },
    allowed: 2,
  },
];

describe('DaemonSets made for OpenYurt', () => {
  const cluster = useCluster({ nodes: NODES, startupMs: 50 });

  for (const { title, name, annotations, allowed } of ROWS) {
    it(`OpenYurt: ${title} → rolled out, at most ${allowed} unavailable`, async () => {
      await withSubject(cluster(), { name, annotations }, async ({ observer, change }) => {
        observer.begin();
        const report = await observer.complete(await change('example.test/agent:2'), TIMEOUT_MS);
        assert.equal(report.deletedPods, NODES);
        assert.ok(
          report.unavailablePeak <= allowed,
          `${report.unavailablePeak} were unavailable, ${allowed} are allowed`,
        );
      });
    });
  }

  it('OpenYurt: an unknown strategy → nothing touched, a Warning event on the DaemonSet', async () => {
    const annotations = { 'apps.openyurt.io/update-strategy': 'Sometimes' };
    const { admin } = cluster().plane;
    await withSubject(cluster(), { name: 'unknown', annotations }, async ({ name, observer, change }) => {
      observer.begin();
      await change('example.test/agent:2');
      const fields = `involvedObject.kind=DaemonSet,involvedObject.name=${name},type=Warning`;
      const path = `/api/v1/namespaces/default/events?fieldSelector=${encodeURIComponent(fields)}`;
      await waitFor(async () => (await admin.list(path)).items.length > 0, {
        timeoutMs: EVENT_TIMEOUT_MS,
        pollMs: 200,
        what: 'a Warning event',
      });
      await assert.rejects(
        waitFor(() => observer.report.deletedPods > 0, { timeoutMs: QUIET_MS, what: 'a deletion' }),
        /waited/,
      );
    });
  });
});
