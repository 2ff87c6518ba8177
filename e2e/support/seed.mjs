// Chance that can be repeated.
import { randomInt } from 'node:crypto';

/// A seed: from E2E_SEED, if that is there.
export const seed = Number(process.env.E2E_SEED ?? randomInt(2 ** 32));

/// Numbers from 0 to 1 that follow from a seed (mulberry32). Each who takes some has
/// numbers of its own: else theirs would depend on who comes first.
export function numbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
