/** A seeded source of randomness: every draw is a number in [0, 1). */
export type Random = () => number;

const GOLDEN = 0x9e3779b9;
const UINT32 = 0x1_0000_0000;

function splitmix32(state: { value: number }): number {
  state.value = (state.value + GOLDEN) | 0;
  let mixed = state.value;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}

/**
 * The generator xoshiro128**, its state filled from the seed by splitmix32: small, quick, and the same numbers on every
 * machine, so that a printed seed reproduces a run.
 */
export function createRandom(seed: number): Random {
  const state = { value: (seed ^ Math.floor(seed / UINT32)) | 0 };
  let a = splitmix32(state);
  let b = splitmix32(state);
  let c = splitmix32(state);
  let d = splitmix32(state);
  return () => {
    const scrambled = Math.imul(b, 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result / UINT32;
  };
}

/** A generator of its own for one purpose, so that more draws there do not shift the draws elsewhere. */
export function forkRandom(random: Random): Random {
  return createRandom(Math.floor(random() * UINT32));
}

/** An integer in [0, bound). */
export function randomBelow(random: Random, bound: number): number {
  return Math.floor(random() * bound);
}

const SUFFIX_LETTERS = 'bcdfghjklmnpqrstvwxz2456789';

/** A name's random tail, in the letters that Kubernetes uses for generated names. */
export function randomSuffix(random: Random, length = 5): string {
  let suffix = '';
  for (let index = 0; index < length; index += 1) suffix += SUFFIX_LETTERS[randomBelow(random, SUFFIX_LETTERS.length)];
  return suffix;
}

/** Two digits for each byte. */
const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** A version 4 UUID. */
export function randomUid(random: Random): string {
  let hex = '';
  for (let index = 0; index < 4; index += 1) {
    const bits = Math.floor(random() * UINT32);
    hex += `${HEX[bits >>> 24]}${HEX[(bits >>> 16) & 255]}${HEX[(bits >>> 8) & 255]}${HEX[bits & 255]}`;
  }
  const variant = '89ab'[randomBelow(random, 4)];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}

/** The items in a random order; the argument is left as it is. */
export function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last -= 1) {
    const other = randomBelow(random, last + 1);
    const moved = result[last] as T;
    result[last] = result[other] as T;
    result[other] = moved;
  }
  return result;
}
