import type { ListWatchFailure } from '../../src/cache/list-watch-failure.ts';
import type { Random } from '../../src/simulator/random.ts';
import { pick } from './spec.ts';

/**
 * How one stream of one process is cut off while everything else gets through:
 * - `refused`: the right to list and watch was taken away, and the watch ends;
 * - `unanswered`: the watch stays open and brings nothing, and no request is answered;
 * - `fleeting`: lists are answered; watches are accepted, and end or break within a second;
 * - `expired`: lists are answered; a watch from any version is refused as out of date.
 */
export type OutageKind = 'refused' | 'unanswered' | 'fleeting' | 'expired';

const KINDS: readonly OutageKind[] = ['refused', 'unanswered', 'fleeting', 'expired'];
/** Some proxies think for a moment, some until their own time is up. */
const SLOW_MS = [2000, 20_000] as const;

export class Outage {
  readonly kind: OutageKind;
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
    this.kind = pick(random, KINDS);
  }

  /** Why a request fails; `never`: nobody answers; undefined: it gets through. */
  failureOf(what: 'list' | 'watch'): ListWatchFailure | 'never' | undefined {
    switch (this.kind) {
      case 'refused':
        return FORBIDDEN;
      case 'unanswered':
        return 'never';
      case 'expired':
        return what === 'watch' ? EXPIRED : undefined;
      case 'fleeting':
        return undefined;
    }
  }

  /** After how long a watch that comes to nothing is accepted, and how long it stays. */
  fleetingMs(): { readonly untilAcceptedMs: number; readonly openMs: number; readonly isCut: boolean } {
    const random = this.#random;
    return { untilAcceptedMs: pick(random, SLOW_MS) * random(), openMs: 900 * random(), isCut: random() < 0.5 };
  }
}

const FORBIDDEN: ListWatchFailure = {
  code: 'forbidden',
  message: 'forbidden: the right was taken away',
  httpStatus: 403,
  retryAfterMs: 0,
  isVersionTooLarge: false,
};
const EXPIRED: ListWatchFailure = {
  ...FORBIDDEN,
  code: 'gone',
  message: 'too old resource version',
  httpStatus: 410,
};
