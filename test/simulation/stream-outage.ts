import { forkRandom } from '../../src/simulator/random.ts';
import { Outage } from './outage.ts';
import type { Happening } from './scene.ts';
import { pick } from './spec.ts';

const OUTAGE_MS_MIN = 60_000;
const OUTAGE_MS_MAX = 300_000;

/** Long enough for the view not to be relied on, while what was decided before still gets through. */
export const STREAM_OUTAGE: Happening = {
  kind: 'stream-outage',
  everyMs: 90_000,
  act: ({ world, random, later }) => {
    const stream = pick(random, pick(random, world.updaters).view.streams());
    stream.cutOff(new Outage(forkRandom(random)));
    later(OUTAGE_MS_MIN + (OUTAGE_MS_MAX - OUTAGE_MS_MIN) * random(), () => stream.restore());
  },
};
