import { after, before, test } from 'node:test';
import { CONTROLLER_CASES } from './controllers.ts';
import { ENCODING_CASES } from './encodings.ts';
import { LIST_CASES } from './lists.ts';
import { REFUSAL_CASES } from './refusals.ts';
import { type Target, Wire } from './target.ts';
import { WATCH_CASES } from './watches.ts';
import { WRITE_CASES } from './writes.ts';

/** What not every target can do; a case that needs it is skipped there, with the target's reason. */
export type Need = 'compact' | 'sendBookmarks' | 'restricted';

export interface Abilities {
  readonly compact: () => Promise<void>;
  readonly sendBookmarks: () => Promise<void>;
  readonly restricted: Readonly<Record<string, string>>;
}

/** One thing that clients of Kubernetes rely on, as raw requests and what must come back. */
export interface Case {
  readonly title: string;
  readonly needs?: Need;
  readonly run: (wire: Wire, abilities: Abilities) => Promise<void>;
}

const CASES: readonly Case[] = [
  ...LIST_CASES,
  ...WATCH_CASES,
  ...WRITE_CASES,
  ...REFUSAL_CASES,
  ...ENCODING_CASES,
  ...CONTROLLER_CASES,
];

const CASE_TIMEOUT_MS = 5 * 60_000;
/** The control plane's programs may have to be built first. */
const START_TIMEOUT_MS = 45 * 60_000;

function abilitiesOf(target: Target): Abilities {
  const nothing = (): Promise<void> => Promise.reject(new Error('the target cannot do that'));
  return {
    compact: typeof target.compact === 'string' ? nothing : target.compact,
    sendBookmarks: typeof target.sendBookmarks === 'string' ? nothing : target.sendBookmarks,
    restricted: typeof target.restricted === 'string' ? {} : target.restricted,
  };
}

/**
 * Registers every case for a target. `start` is called once before the cases and gives the target; what it opened is
 * closed by `stop`. Two targets that differ in a case: the simulator is wrong.
 */
export function conformanceSuite(options: {
  readonly name: string;
  readonly start: () => Promise<Target>;
  readonly stop: () => Promise<void>;
  /** Makes names unique on a target that is used more than once. */
  readonly suffix: string;
}): void {
  let wire: Wire | undefined;
  before(
    async () => {
      wire = new Wire(await options.start(), options.suffix);
      await wire.setUp();
    },
    { timeout: START_TIMEOUT_MS },
  );
  after(async () => {
    await wire?.tearDown();
    await options.stop();
  });
  for (const { title, needs, run } of CASES) {
    test(`${options.name}: ${title}`, { timeout: CASE_TIMEOUT_MS }, async (context) => {
      if (wire === undefined) throw new Error('the target is not there');
      const reason = needs === undefined ? undefined : wire.target[needs];
      if (typeof reason === 'string') context.skip(reason);
      else await run(wire, abilitiesOf(wire.target));
    });
  }
}
