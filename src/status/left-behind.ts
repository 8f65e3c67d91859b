import type { Rollout } from '../rollout/rollout.ts';

/** Nodes that a rollout is done without: nothing can be done there now. */
export interface LeftBehind {
  readonly notReady: readonly string[];
  /** The old pod runs on; a new one would not come back there. */
  readonly tainted: readonly string[];
  /** No pod was available there long before their turn, and the new one is not either. */
  readonly brokenBefore: readonly string[];
}

/** By name. For a rollout that has nothing else to do: O(n log n). */
export function leftBehind(rollout: Pick<Rollout, 'plan'>, nowMs: number): LeftBehind {
  const notReady: string[] = [];
  const tainted: string[] = [];
  const brokenBefore: string[] = [];
  for (const { node, reason } of rollout.plan(nowMs)) {
    if (reason === 'node-not-ready') notReady.push(node);
    else if (reason === 'would-not-be-recreated') tainted.push(node);
    else if (reason === 'broken-before') brokenBefore.push(node);
  }
  return { notReady, tainted, brokenBefore };
}
