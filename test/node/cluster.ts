import { type ControlPlane, startControlPlane } from '../control-plane/control-plane.ts';
import { makeImages } from './images.ts';
import { findNodePrograms } from './node-programs.ts';
import { LEASE_SECONDS, RealNode } from './real-node.ts';
import { installPackages } from './requirements.ts';

/** More patient than one lease, so that a busy machine loses no node. */
const NODE_MONITOR_GRACE_SECONDS = 2 * LEASE_SECONDS;

export interface RealNodes {
  readonly plane: ControlPlane;
  readonly nodes: readonly [RealNode, RealNode];
}

/**
 * Starts a control plane with two real nodes, which are Ready when this returns; installs and builds first what is missing.
 *
 * @throws BinariesMissingError when programs cannot be built; an Error with the ends of the logs when they do not start.
 */
export async function startRealNodes(maxLifetimeMs: number): Promise<RealNodes> {
  await installPackages();
  const programs = await findNodePrograms();
  const plane = await startControlPlane({ nodeMonitorGraceSeconds: NODE_MONITOR_GRACE_SECONDS, maxLifetimeMs });
  try {
    const images = await makeImages(plane.files.directory);
    const node = (name: string) => new RealNode({ plane, programs, images, name });
    const nodes = [node('real-0'), node('real-1')] as const;
    for (const one of nodes) await one.create();
    return { plane, nodes };
  } catch (cause) {
    const logs = await plane.logTails();
    await plane.stop();
    throw new Error(`the real nodes were not set up\n${logs}`, { cause });
  }
}
