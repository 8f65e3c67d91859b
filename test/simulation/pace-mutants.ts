import type { SlotKey } from '../../src/protocol/slot.ts';
import type { Slot } from '../../src/rollout/slot-state.ts';
import { type Mutant, mutant, plant } from './mutant.ts';

type Pacing = typeof import('../../src/rollout/pace-feed.ts');
const PACE = 'src/rollout/pace-feed.ts';
const NEVER = Number.POSITIVE_INFINITY;

/** Bugs in what the pace waits for, and remembers. */
export const PACE_MUTANTS: readonly Mutant[] = [
  mutant(
    'woken-at-infinity',
    'wake-up',
    'a pace that waits for nothing asks to be woken at infinity',
    plant<Pacing>(PACE, {
      PaceFeed: (Original) =>
        class extends Original {
          #isEndless = false;

          override onHeldBack(nowMs: number): void {
            super.onHeldBack(nowMs);
            this.#isEndless = super.wakeMs === undefined;
          }

          override get wakeMs(): number | undefined {
            return this.#isEndless ? NEVER : super.wakeMs;
          }
        },
    }),
  ),
  mutant(
    'pace-never-forgets',
    'memory',
    'deletions that the pace has followed to their end are kept for ever',
    plant<Pacing>(PACE, {
      PaceFeed: (Original) =>
        class extends Original {
          readonly #all = new Set<SlotKey>();

          override onDeparture(slot: Slot, nowMs: number): void {
            this.#all.add(slot.key);
            super.onDeparture(slot, nowMs);
          }

          override get size(): number {
            return this.#all.size;
          }
        },
    }),
  ),
];
