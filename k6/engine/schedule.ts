/**
 * When the nth iteration (from 0) is due, in milliseconds from the scenario's start; undefined past its end. Both kinds of
 * arrival are stages: within one the rate moves in a line, so that the number of arrivals is a parabola of time.
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
 * The same arrivals at random moments, as people come who do not know of each other (a Poisson stream with as many arrivals as
 * planned): uniform numbers in their order, made one after the other.
 */
export function scatter(dueMs: (n: number) => number | undefined, arrivals: number, random: () => number) {
  let made = 0;
  let place = 0;
  return (n: number): number | undefined => {
    for (; made <= n && made < arrivals; made += 1)
      place += (arrivals - place) * (1 - random() ** (1 / (arrivals - made)));
    return n < arrivals ? dueMs(place) : undefined;
  };
}

export interface RateStage {
  durationMs: number;
  /** Per millisecond. */
  fromRate: number;
  toRate: number;
}

export function countArrivals({ durationMs, fromRate, toRate }: RateStage): number {
  return ((fromRate + toRate) / 2) * durationMs;
}

/** Solves `fromRate * t + slope * t^2 / 2 = n` in the form that stays exact as the slope goes to zero. */
function findTime({ durationMs, fromRate, toRate }: RateStage, n: number): number {
  if (n <= 0) return 0;
  const slope = durationMs === 0 ? 0 : (toRate - fromRate) / durationMs;
  return (2 * n) / (fromRate + Math.sqrt(Math.max(0, fromRate * fromRate + 2 * slope * n)));
}
