import type { ControllerPorts, LogFields } from './ports.ts';

const REPEAT_MS = 60_000;

/** What is over, as it is told. */
export interface PastProblem {
  /** How often it happened. */
  readonly count: number;
  readonly durationMs: number;
}

/** A problem that comes again at every attempt: said at once, then at most once a minute with a count, and when it is over. */
export class RepeatedProblem {
  #sinceMs = 0;
  #saidMs = Number.NEGATIVE_INFINITY;
  /** Since it was last said. */
  #untold = 0;
  #count = 0;
  #isTold = false;

  /** How often it happened since it was last said, this time included; undefined: it is not to be said now. */
  failed(nowMs: number): number | undefined {
    if (this.#count === 0) this.#sinceMs = nowMs;
    this.#count += 1;
    this.#untold += 1;
    if (nowMs - this.#saidMs < REPEAT_MS) return undefined;
    const untold = this.#untold;
    this.#saidMs = nowMs;
    this.#untold = 0;
    this.#isTold = true;
    return untold;
  }

  /** It went well. Answers once after a problem that was said; what comes and goes within the minute is not said again. */
  succeeded(nowMs: number): PastProblem | undefined {
    const past = { count: this.#count, durationMs: Math.round(nowMs - this.#sinceMs) };
    const wasTold = this.#isTold;
    this.#count = 0;
    this.#isTold = false;
    return wasTold ? past : undefined;
  }
}

interface Repeated {
  readonly message: string;
  readonly fields: LogFields;
  /** What `failed` answered. */
  readonly count: number | undefined;
}

/** A warning when it is to be said, with the count when there were more than this one; for who looks closely otherwise. */
export function logRepeated(log: ControllerPorts['log'], { message, fields, count }: Repeated): void {
  if (count === undefined) log('debug', message, fields);
  else log('warn', message, count === 1 ? fields : { ...fields, count });
}
