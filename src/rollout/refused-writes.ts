import type { OutcomeCode } from '../protocol/outcome.ts';
import { answerText } from './answers.ts';
import type { Ask, Refusal, Slot } from './slot-state.ts';

/** Nodes that are told of those with the same refusal. */
const NODES_TOLD_MAX = 5;

/** Writes that the API server refuses, of one kind and with one kind of answer. */
export interface RefusedWrites {
  readonly action: Ask['action'];
  readonly code: OutcomeCode;
  /** How many nodes; `nodes` are the first of them, by name. */
  readonly count: number;
  readonly nodes: readonly string[];
  /** The API server's words, on the first of these nodes. */
  readonly message: string;
}

interface Group {
  readonly refusal: Refusal;
  count: number;
  /** The first by name. */
  readonly first: Slot[];
}

/** What was refused of the slots, most nodes first. Told with every renewal of the lease, so all of them are not sorted. */
export function refusedWrites(slots: Iterable<Slot>): RefusedWrites[] {
  const groups: Group[] = [];
  for (const slot of slots) {
    const { refusal } = slot;
    if (refusal === undefined) continue;
    const known = groups.find((group) => isAlike(group.refusal, refusal));
    const group = known ?? { refusal, count: 0, first: [] };
    if (known === undefined) groups.push(group);
    group.count += 1;
    insert(group.first, slot);
  }
  return groups
    .sort((left, right) => right.count - left.count)
    .map(({ refusal: { action, answer }, count, first }) => {
      const nodes = first.map(({ nodeName }) => nodeName);
      return { action, code: answer.code, count, nodes, message: wordsTo(first[0]) };
    });
}

function isAlike(left: Refusal, right: Refusal): boolean {
  return left.action === right.action && left.answer.code === right.answer.code;
}

function wordsTo(slot: Slot | undefined): string {
  return slot?.refusal === undefined ? '' : answerText(slot.refusal.answer, slot, slot.refusal.uid);
}

function insert(first: Slot[], slot: Slot): void {
  const last = first[NODES_TOLD_MAX - 1];
  if (last !== undefined && last.nodeName < slot.nodeName) return;
  const place = first.findIndex(({ nodeName }) => slot.nodeName < nodeName);
  first.splice(place === -1 ? first.length : place, 0, slot);
  first.length = Math.min(first.length, NODES_TOLD_MAX);
}
