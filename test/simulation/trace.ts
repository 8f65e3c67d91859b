/** A rule that was broken; ends the run. */
export class Violation extends Error {
  /** Short and stable, such as `budget`; docs/simulation.md lists all of them. */
  readonly rule: string;

  constructor(rule: string, message: string) {
    super(message);
    this.rule = rule;
  }
}

/** Why a rule is broken. */
export interface Problem {
  readonly rule: string;
  readonly what: string;
}

/** More happenings than any seed needs: something runs in circles without time passing, or far too often. */
const NOTES_MAX = 5_000_000;

/**
 * What happened, boiled down to one number: two runs that differ anywhere have different hashes. With `isRecording` the
 * lines are kept, so that the first difference can be shown.
 */
export class Trace {
  readonly lines: string[] = [];
  readonly #isRecording: boolean;
  #high = 0x811c9dc5;
  #low = 0x01234567;
  #count = 0;

  constructor(isRecording: boolean) {
    this.#isRecording = isRecording;
  }

  get count(): number {
    return this.#count;
  }

  get hash(): string {
    return [this.#high, this.#low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
  }

  note(nowMs: number, who: string, what: string): void {
    this.#count += 1;
    if (this.#count > NOTES_MAX) throw new Violation('livelock', `${NOTES_MAX} happenings, the last: ${who} ${what}`);
    this.#mix(who);
    this.#mix(what);
    // Times are fractions of a millisecond; a microsecond is enough to tell two runs apart.
    this.#low = Math.imul(this.#low ^ Math.floor((nowMs * 1000) % 0x1_0000_0000), 0x85ebca6b);
    if (this.#isRecording) this.lines.push(`${nowMs.toFixed(3)} ${who} ${what}`);
  }

  #mix(text: string): void {
    let hash = this.#high;
    for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
    this.#high = hash;
    this.#low = Math.imul(this.#low ^ hash, 0x9e3779b1);
  }
}
