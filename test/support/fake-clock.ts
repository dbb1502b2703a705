import type { Clock } from '../../src/clock.ts';

export interface FakeClock extends Clock {
  /** Moves the time on and calls each timer at its moment. */
  advance(ms: number): void;
  /** Timers that were started and have not ended yet. */
  timerCount(): number;
}

/** Opens a clock that stands still until it is advanced. It does not start at 0, which could be mistaken for a default. */
export function openFakeClock(startMs = 1_000_000): FakeClock {
  let nowMs = startMs;
  const timers = new Set<{ atMs: number; onTime: () => void }>();

  return {
    now: () => nowMs,
    startTimer(ms, onTime) {
      timers.add({ atMs: nowMs + ms, onTime });
    },
    advance(ms) {
      const endMs = nowMs + ms;
      for (;;) {
        const [next] = [...timers].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs);
        if (next === undefined) break;
        timers.delete(next);
        nowMs = next.atMs;
        next.onTime();
      }
      nowMs = endMs;
    },
    timerCount: () => timers.size,
  };
}
