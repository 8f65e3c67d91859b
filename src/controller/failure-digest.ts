import type { Failure } from '../rollout/explain.ts';

export interface NodeFailure extends Failure {
  readonly node: string;
}

/** Time for others to fail in the same way: those that were replaced together are overdue together. */
const GATHER_MS = 2000;
/** Between two digests of the same group; doubles each time. */
const REPEAT_MIN_MS = 60_000;
const REPEAT_MAX_MS = 30 * 60_000;
const NAMES_MAX = 10;

interface Group {
  readonly detail: string;
  readonly nodes: Set<string>;
  /** The first one, and what its kubelet said. */
  readonly first: NodeFailure;
  /** When to say it; Infinity: nothing has changed since it was said. */
  dueMs: number;
  /** Not before; moves on with each time that it is said. */
  earliestMs: number;
  waitMs: number;
}

/**
 * The nodes of one DaemonSet that failed, grouped by why, so that a bad version on a thousand nodes is said in a few
 * sentences and not in a thousand.
 */
export class FailureDigest {
  readonly #groups = new Map<string, Group>();

  add(failure: NodeFailure, nowMs: number): void {
    const { node, cause, detail } = failure;
    this.remove(node);
    const key = `${cause} ${detail}`;
    let group = this.#groups.get(key);
    if (group === undefined) {
      const dueMs = Number.POSITIVE_INFINITY;
      group = { detail, nodes: new Set(), first: failure, dueMs, earliestMs: 0, waitMs: REPEAT_MIN_MS };
      this.#groups.set(key, group);
    }
    group.nodes.add(node);
    group.dueMs = Math.min(group.dueMs, Math.max(nowMs + GATHER_MS, group.earliestMs));
  }

  /** The node recovered, or failed for another reason. */
  remove(node: string): void {
    for (const [key, group] of this.#groups) {
      if (group.nodes.delete(node) && group.nodes.size === 0) this.#groups.delete(key);
    }
  }

  get nodeCount(): number {
    let count = 0;
    for (const { nodes } of this.#groups.values()) count += nodes.size;
    return count;
  }

  /** What still holds is to be said once more. */
  repeat(): void {
    for (const group of this.#groups.values()) group.dueMs = 0;
  }

  get nextWakeMs(): number | undefined {
    let wakeMs: number | undefined;
    for (const { dueMs } of this.#groups.values()) {
      if (Number.isFinite(dueMs) && (wakeMs === undefined || dueMs < wakeMs)) wakeMs = dueMs;
    }
    return wakeMs;
  }

  /** The sentences that are due. */
  take(nowMs: number): string[] {
    const sentences: string[] = [];
    for (const group of this.#groups.values()) {
      if (group.dueMs > nowMs) continue;
      group.dueMs = Number.POSITIVE_INFINITY;
      group.earliestMs = nowMs + group.waitMs;
      group.waitMs = Math.min(REPEAT_MAX_MS, group.waitMs * 2);
      sentences.push(sentenceOf(group));
    }
    return sentences;
  }
}

function sentenceOf({ detail, nodes, first: { node, said } }: Group): string {
  const names = [...nodes].sort().slice(0, NAMES_MAX);
  const others = nodes.size - names.length;
  const list = others === 0 ? names.join(', ') : `${names.join(', ')} and ${others} more`;
  const example = said === undefined || !nodes.has(node) ? '' : `; the kubelet of ${node} says: ${said}`;
  return `${nodes.size === 1 ? '1 node' : `${nodes.size} nodes`} failed: ${detail} (${list})${example}`;
}
