import { after, before, describe, it } from 'node:test';
import { createUpdaterAccount } from '../control-plane/updater.ts';
import { Cluster } from '../e2e/fixture.ts';
import { startRealNodes } from './cluster.ts';
import type { RealNode } from './real-node.ts';
import { whyNoNode } from './requirements.ts';

/** Packages may have to be installed and all programs to be built first. */
const SET_UP_TIMEOUT_MS = 45 * 60_000;
const MAX_LIFETIME_MS = 20 * 60_000;

export const ROLLING = {
  'apps.openyurt.io/update-strategy': 'AdvancedRollingUpdate',
  'apps.openyurt.io/max-unavailable': '1',
};

export interface RealCluster {
  readonly cluster: Cluster;
  readonly nodes: readonly [RealNode, RealNode];
}

/** A group of tests on real nodes, which are there when a test runs; where there can be none it is one skipped test. */
export async function describeOnRealNodes(title: string, body: (real: () => RealCluster) => void): Promise<void> {
  const why = await whyNoNode();
  if (why === undefined) describe(title, () => body(useRealCluster()));
  else it(title, { skip: `no real node here: ${why}` });
}

/** A real control plane with two real nodes and the updater's service account, one for all the tests of a file. */
function useRealCluster(): () => RealCluster {
  let real: RealCluster | undefined;
  before(
    async () => {
      const { plane, nodes } = await startRealNodes(MAX_LIFETIME_MS);
      const names = nodes.map(({ name }) => name);
      real = { cluster: new Cluster(plane, await createUpdaterAccount(plane), names), nodes };
    },
    { timeout: SET_UP_TIMEOUT_MS },
  );
  after(async () => await real?.cluster.plane.stop());
  return () => {
    if (real === undefined) throw new Error('the nodes are not there yet');
    return real;
  };
}
