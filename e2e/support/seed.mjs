// Chance that can be repeated.
import { randomInt } from 'node:crypto';

/// A seed, from this variable of the environment if it is there, and numbers from
/// 0 to 1 that follow from it (mulberry32).
export function seeded(variable) {
  const seed = Number(process.env[variable] ?? randomInt(2 ** 32));
  let state = seed >>> 0;
  const random = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { seed, random };
}
