import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubeObject } from '../control-plane/api-client.ts';
import { appliedDeletions, summarizeWrites } from '../control-plane/audit.ts';
import { STARTUP_ANNOTATION } from '../control-plane/kwok-config.ts';
import { waitFor } from '../control-plane/processes.ts';
import { useCluster, withSubject } from './fixture.ts';
import { printedStatus } from './viewer.ts';

const NODES = 60;
const ALLOWED = 6;
const TIMEOUT_MS = 180_000;
/** Several replacements' time. */
const QUIET_MS = 6_000;
const ROLLING = {
  'apps.openyurt.io/update-strategy': 'AdvancedRollingUpdate',
  'apps.openyurt.io/max-unavailable': '10%',
};

interface SeenEvent extends KubeObject {
  readonly reason: string;
  readonly regarding: { readonly name: string };
}

describe('a paused rollout on a real control plane', () => {
  const cluster = useCluster({ nodes: NODES, startupMs: 300 });

  it('trust 12: paused in the middle → what is in flight is settled and nothing else deleted; resumed → all are replaced, once', async () => {
    const { plane } = cluster();
    // Slow pods, so that some are in flight whenever it is paused.
    const podAnnotations = { [STARTUP_ANNOTATION]: '1500ms' };
    await withSubject(
      cluster(),
      { name: 'held', annotations: ROLLING, podAnnotations },
      async ({ name, observer, change }) => {
        const pause = async (value: string | null) => {
          const annotations = { 'daemonpodupdater.io/paused': value };
          await plane.admin.patch(`/apis/apps/v1/namespaces/default/daemonsets/${name}`, { metadata: { annotations } });
        };
        const reasons = async () => {
          const { items } = await plane.admin.list<SeenEvent>('/apis/events.k8s.io/v1/namespaces/default/events');
          return items.filter(({ regarding }) => regarding.name === name).map(({ reason }) => reason);
        };
        observer.begin();
        const generation = await change('example.test/agent:2');
        await waitFor(() => observer.report.deletedPods > NODES / 4, {
          timeoutMs: TIMEOUT_MS,
          what: 'a quarter to go',
        });
        await pause('true');
        await waitFor(async () => (await reasons()).includes('RolloutPaused'), {
          timeoutMs: TIMEOUT_MS,
          pollMs: 200,
          what: 'the event RolloutPaused',
        });
        await observer.settle();
        const deletedThen = observer.report.deletedPods;
        assert.ok(deletedThen < NODES, 'the rollout was over before it was paused');
        await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
        await observer.settle();
        const held = observer.report;
        assert.equal(held.deletedPods, deletedThen, 'a pod was deleted while it was paused');
        assert.equal(held.updatedNodes, deletedThen, 'what was in flight has come back');
        const text = await printedStatus(cluster().account.kubeconfigPath, name);
        assert.match(text, new RegExp(`\\bpaused, ${NODES - deletedThen} nodes to go\\n`));

        await pause(null);
        const report = await observer.complete(generation, TIMEOUT_MS);
        assert.deepEqual([report.deletedPods, report.deletedCurrentPods, report.updatedNodes], [NODES, 0, NODES]);
        assert.ok(report.unavailablePeak <= ALLOWED, `${report.unavailablePeak} were unavailable`);
        const isLogged = (writes: Parameters<typeof appliedDeletions>[0]) => appliedDeletions(writes).length >= NODES;
        const { duplicates } = summarizeWrites(await cluster().updaterWritesOnce(name, isLogged));
        assert.deepEqual([...duplicates], []);
        const said = await waitFor(
          async () => {
            const all = await reasons();
            return all.includes('RolloutCompleted') ? all : undefined;
          },
          { timeoutMs: TIMEOUT_MS, pollMs: 200, what: 'the event RolloutCompleted' },
        );
        for (const reason of ['RolloutStarted', 'RolloutPaused', 'RolloutResumed', 'RolloutCompleted']) {
          assert.equal(said.filter((each) => each === reason).length, 1, `${reason} in ${said}`);
        }
      },
    );
  });
});
