/** Until when something may be written, by two clocks. */
export interface WriteRight {
  /** By the monotonic clock of src/clock.ts. */
  readonly writeUntilMs: number;
  /** By the wall clock; undefined: it does not matter. */
  readonly writeUntilWallMs?: number | undefined;
}

/** Clocks that run at different rates part by less than this within a lease. */
const WALL_BEHIND_MAX_MS = 1000;

/**
 * How long the right lasts; 0 or less: it is over. A suspended machine's monotonic clock may stand still (CLOCK_MONOTONIC of
 * Linux does), so what has passed by the wall clock is over. A wall clock that is set back could hide that: over, too. Either
 * costs one renewal, when nothing was suspended.
 */
export function rightLeftMs(right: WriteRight, nowMs: number, wallMs: number): number {
  const leftMs = right.writeUntilMs - nowMs;
  if (right.writeUntilWallMs === undefined) return leftMs;
  const leftByWallMs = right.writeUntilWallMs - wallMs;
  return leftByWallMs > leftMs + WALL_BEHIND_MAX_MS ? 0 : Math.min(leftMs, leftByWallMs);
}
