import type { Ask, Slot } from './slot-state.ts';

/** Nodes that are told of those with the same refusal. */
const NODES_TOLD_MAX = 5;

/** Writes that the API server refuses, of one kind and with one kind of answer. */
export interface RefusedWrites {
  readonly action: Ask['action'];
  readonly code: string;
  /** How many nodes; `nodes` are the first of them, by name. */
  readonly count: number;
  readonly nodes: readonly string[];
  /** The API server's words, on the first of these nodes. */
  readonly message: string;
}

/** What was refused of the slots, most nodes first. */
export function refusedWrites(slots: Iterable<Slot>): RefusedWrites[] {
  const byName = [...slots].sort((left, right) => (left.nodeName < right.nodeName ? -1 : 1));
  const groups = new Map<string, RefusedWrites>();
  for (const { refusal, nodeName } of byName) {
    if (refusal === undefined) continue;
    const { action, code, message } = refusal;
    const { count, nodes, message: first } = groups.get(`${action} ${code}`) ?? { count: 0, nodes: [], message };
    const told = nodes.length < NODES_TOLD_MAX ? [...nodes, nodeName] : nodes;
    groups.set(`${action} ${code}`, { action, code, count: count + 1, nodes: told, message: first });
  }
  return [...groups.values()].sort((left, right) => right.count - left.count);
}
