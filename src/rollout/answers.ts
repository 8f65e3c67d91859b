import type { Outcome } from '../protocol/outcome.ts';
import type { Answer, Slot } from './slot-state.ts';

/** Different answers that are kept of one action and code; more are those that say something new each time. */
const ANSWERS_MAX = 4;
/** Stand for names. What others wrote has no control characters when it comes here (kube/one-line.ts). */
const POD = '\u0001';
const NODE = '\u0002';

/**
 * What the API server said to writes that it did not accept. A missing right or a webhook says the same to every node but
 * for the names of pod and node, so slots share what was said: a text is long, and there are many slots.
 */
export class Answers {
  /** By action and code, then by text; the least recently heard first. */
  readonly #kinds = new Map<string, Map<string, Answer>>();

  /** The answer to keep; `answerText` gives back what was said. Of too many different ones the oldest is told in the newest one's words. */
  of(slot: Slot, { action, code, uid, message }: Outcome): Answer {
    const kind = `${action} ${code}`;
    const known = this.#kinds.get(kind) ?? new Map<string, Answer>();
    this.#kinds.set(kind, known);
    const text = withoutName(withoutName(message, podName(slot, uid), POD), slot.nodeName, NODE);
    const [oldest] = known.values();
    const shared = known.get(text) ?? (known.size < ANSWERS_MAX ? undefined : oldest);
    const answer = shared ?? { code, text };
    known.delete(answer.text);
    answer.text = text;
    known.set(text, answer);
    return answer;
  }
}

/** What was said to the slot about the pod with that UID. */
export function answerText({ text }: Answer, slot: Slot, uid: string): string {
  return text.replaceAll(POD, () => podName(slot, uid)).replaceAll(NODE, () => slot.nodeName);
}

function podName({ pods }: Slot, uid: string): string {
  return pods.find(({ record }) => record.uid === uid)?.record.name ?? '';
}

function withoutName(text: string, name: string, sign: string): string {
  return name === '' ? text : text.replaceAll(name, sign);
}
