import type { Failure } from '../rollout/explain.ts';
import { counted, Spacing, type SpacingOptions, someOf } from './digest.ts';

export interface NodeFailure extends Failure {
  readonly node: string;
}

/** Of one group. Those that were replaced together are overdue together. */
const SPACING: SpacingOptions = { gatherMs: 2000, minMs: 60_000, maxMs: 30 * 60_000 };

interface Group {
  readonly detail: string;
  readonly nodes: Set<string>;
  /** The first one, and what its kubelet said. */
  readonly first: NodeFailure;
  readonly spacing: Spacing;
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
      group = { detail, nodes: new Set(), first: failure, spacing: new Spacing(SPACING) };
      this.#groups.set(key, group);
    }
    group.nodes.add(node);
    group.spacing.came(nowMs);
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
    for (const group of this.#groups.values()) group.spacing.again();
  }

  get nextWakeMs(): number | undefined {
    const wakeMs = Math.min(...this.#groups.values().map(({ spacing }) => spacing.dueMs));
    return Number.isFinite(wakeMs) ? wakeMs : undefined;
  }

  /** The sentences that are due. */
  take(nowMs: number): string[] {
    const sentences: string[] = [];
    for (const group of this.#groups.values()) {
      if (group.spacing.dueMs > nowMs) continue;
      group.spacing.said(nowMs);
      sentences.push(sentenceOf(group));
    }
    return sentences;
  }
}

function sentenceOf({ detail, nodes, first: { node, said } }: Group): string {
  const example = said === undefined || !nodes.has(node) ? '' : `; the kubelet of ${node} says: ${said}`;
  return `${counted(nodes.size, 'node')} failed: ${detail} (${someOf([...nodes].sort(), nodes.size)})${example}`;
}
