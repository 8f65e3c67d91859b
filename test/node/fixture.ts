import { after, before, describe, it } from 'node:test';
import { startControlPlane } from '../control-plane/control-plane.ts';
import { createUpdaterAccount } from '../control-plane/updater.ts';
import { Cluster } from '../e2e/fixture.ts';
import { makeImages } from './images.ts';
import { findNodePrograms } from './node-programs.ts';
import { LEASE_SECONDS, RealNode } from './real-node.ts';
import { installPackages, whyNoNode } from './requirements.ts';

/** Packages may have to be installed and all programs to be built first. */
const SET_UP_TIMEOUT_MS = 45 * 60_000;
const MAX_LIFETIME_MS = 20 * 60_000;
const NODE_MONITOR_GRACE_SECONDS = 2 * LEASE_SECONDS;

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
  let stop: (() => Promise<void>) | undefined;
  before(
    async () => {
      await installPackages();
      const programs = await findNodePrograms();
      const plane = await startControlPlane({
        nodeMonitorGraceSeconds: NODE_MONITOR_GRACE_SECONDS,
        maxLifetimeMs: MAX_LIFETIME_MS,
      });
      stop = async () => await plane.stop();
      try {
        const images = await makeImages(plane.files.directory);
        const node = (name: string) => new RealNode({ plane, programs, images, name });
        const nodes = [node('real-0'), node('real-1')] as const;
        for (const one of nodes) await one.create();
        const names = nodes.map(({ name }) => name);
        real = { cluster: new Cluster(plane, await createUpdaterAccount(plane), names), nodes };
      } catch (cause) {
        const logs = await plane.logTails();
        await plane.stop();
        stop = undefined;
        throw new Error(`the real nodes were not set up\n${logs}`, { cause });
      }
    },
    { timeout: SET_UP_TIMEOUT_MS },
  );
  after(async () => await stop?.());
  return () => {
    if (real === undefined) throw new Error('the nodes are not there yet');
    return real;
  };
}
