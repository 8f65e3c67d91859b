import { counted } from '../controller/digest.ts';
import type { NodePlan } from '../rollout/plan.ts';

const WORDS_MAX = 3;

interface Word {
  count: number;
  readonly first: NodePlan;
}

/** What kubelets and scheduler say of the pods of failed nodes, most frequent first; '' when they say nothing. O(n). */
export function kubeletWords(nodes: readonly NodePlan[]): string {
  // The leader may know of failures that whoever only looks now takes for replacements under way.
  const words = wordsOf(nodes, 'failed');
  if (words.size === 0) for (const [trouble, word] of wordsOf(nodes, 'in-flight')) words.set(trouble, word);
  const sorted = [...words].sort(([, left], [, right]) => right.count - left.count);
  const told = sorted.slice(0, WORDS_MAX).map(([trouble, { count, first }]) => {
    const said = first.troubleMessage === undefined ? '' : `, ${first.node}: "${first.troubleMessage}"`;
    return `${trouble} on ${counted(count, 'node')}${said}`;
  });
  return told.join('; ') + (sorted.length > WORDS_MAX ? '; …' : '');
}

function wordsOf(nodes: readonly NodePlan[], wanted: NodePlan['reason']): Map<string, Word> {
  const words = new Map<string, Word>();
  for (const node of nodes) {
    const { reason, trouble } = node;
    if (reason !== wanted || trouble === undefined) continue;
    const known = words.get(trouble);
    if (known === undefined) words.set(trouble, { count: 1, first: node });
    else known.count += 1;
  }
  return words;
}
