/**
 * Returns a function that computes when the nth iteration (from 0) is due, in milliseconds from the start of the scenario, or
 * undefined after its end. Within a stage the rate is linear, so the number of arrivals is a quadratic function of time.
 */
export function createSchedule(rateStages: readonly RateStage[]): (n: number) => number | undefined {
  const stages = rateStages.map((stage) => ({ ...stage, arrivals: countArrivals(stage) }));
  return (n) => {
    let before = 0;
    let startMs = 0;
    for (const stage of stages) {
      if (n < before + stage.arrivals - 1e-9) return startMs + findTime(stage, n - before);
      before += stage.arrivals;
      startMs += stage.durationMs;
    }
    return undefined;
  };
}

/**
 * Moves the arrivals to random times: a Poisson process with exactly `arrivals` arrivals. The sorted uniform numbers are
 * generated one after the other.
 */
export function scatter(dueMs: (n: number) => number | undefined, arrivals: number, random: () => number) {
  let made = 0;
  let position = 0;
  return (n: number): number | undefined => {
    for (; made <= n && made < arrivals; made += 1)
      position += (arrivals - position) * (1 - random() ** (1 / (arrivals - made)));
    return n < arrivals ? dueMs(position) : undefined;
  };
}

export interface RateStage {
  durationMs: number;
  /** Arrivals per millisecond. */
  fromRate: number;
  toRate: number;
}

export function countArrivals({ durationMs, fromRate, toRate }: RateStage): number {
  return ((fromRate + toRate) / 2) * durationMs;
}

/** Solves `fromRate * t + slope * t^2 / 2 = n` in a form that is exact for a slope of 0. */
function findTime({ durationMs, fromRate, toRate }: RateStage, n: number): number {
  if (n <= 0) return 0;
  const slope = durationMs === 0 ? 0 : (toRate - fromRate) / durationMs;
  return (2 * n) / (fromRate + Math.sqrt(Math.max(0, fromRate * fromRate + 2 * slope * n)));
}
