import type { Happening } from './scene.ts';
import { pick } from './spec.ts';

const MINUTE_MS = 60_000;

/** The machine of whoever leads is suspended, now or in the middle of something, for less than its lease or for longer. */
export const SUSPEND: Happening = {
  kind: 'suspend',
  everyMs: 20_000,
  act: ({ world, random }) => {
    const suspendedMs = 2_000 + MINUTE_MS * random() ** 2;
    world.pauseLeader(suspendedMs, pick(random, [undefined, 'renewal', 'batch', 'batch'] as const), true);
  },
};

/** A machine's wall clock is found to be wrong, or is corrected. */
export const WALL_STEP: Happening = {
  kind: 'wall-step',
  everyMs: 15_000,
  act: ({ world, random }) => {
    const { clock, isStopped } = pick(random, world.updaters).process;
    // Set back by just as long as the machine was suspended (to a second), nobody could tell from its clocks that it was.
    if (isStopped) return;
    clock.setWall(pick(random, [0, MINUTE_MS, 60 * MINUTE_MS]) * (random() - 0.5));
  },
};
