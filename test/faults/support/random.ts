export type Random = ReturnType<typeof createRandom>;

/** Returns choices that are the same for the same seed on any machine (mulberry32). */
export function createRandom(seed: number) {
  let state = seed >>> 0;

  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number, both ends included. */
  const int = (min: number, max: number) => min + Math.floor(next() * (max - min + 1));
  /** Of choices that are never none. */
  const pick = <T>(choices: readonly T[]): T => choices[int(0, choices.length - 1)] as T;
  return { next, int, pick };
}
