import type { Rollout } from '../rollout/rollout.ts';

/** Nodes that a rollout is done without: they do not have the new version, and nothing can be done there now. */
export interface LeftBehind {
  readonly notReady: readonly string[];
  /** The old pod runs on; a new one would not come back there. */
  readonly tainted: readonly string[];
}

/** By name. For a rollout that has nothing else to do: O(n log n). */
export function leftBehind(rollout: Pick<Rollout, 'plan'>, nowMs: number): LeftBehind {
  const notReady: string[] = [];
  const tainted: string[] = [];
  for (const { node, reason } of rollout.plan(nowMs)) {
    if (reason === 'node-not-ready') notReady.push(node);
    else if (reason === 'would-not-be-recreated') tainted.push(node);
  }
  return { notReady, tainted };
}
