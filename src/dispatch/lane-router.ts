import type { SlotKey } from '../protocol/slot.ts';

/**
 * The lane of a slot by rendezvous hashing: every lane draws a number for the slot, the highest one wins.
 *
 * A lane that is added wins only the slots in which it now draws the highest number (1 of n), and a lane that is taken
 * away gives its slots to the lanes that were second: no other slot moves. Lanes are numbered from 0.
 */
export function laneOfHash(hash: number, laneCount: number): number {
  let best = 0;
  let bestDraw = -1;
  for (let lane = 0; lane < laneCount; lane++) {
    const draw = drawOf(hash, lane);
    if (draw > bestDraw) {
      bestDraw = draw;
      best = lane;
    }
  }
  return best;
}

export function laneOfSlot(slot: SlotKey, laneCount: number): number {
  return laneOfHash(hashOfSlot(slot), laneCount);
}

/** FNV-1a over UTF-16 code units: short keys, no state, the same on every machine. */
export function hashOfSlot(slot: SlotKey): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < slot.length; i++) hash = Math.imul(hash ^ slot.charCodeAt(i), 0x01000193);
  return hash;
}

/** The finaliser of MurmurHash3 over both: neighbouring lanes must draw independently, or growth would move too much. */
function drawOf(hash: number, lane: number): number {
  let mixed = hash ^ Math.imul(lane + 1, 0x9e3779b1);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
