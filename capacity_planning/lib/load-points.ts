import { median } from '../../scripts/lib/statistics.ts';
import type { Step } from './report-schema.ts';
import type { LoadPoint } from './usl.ts';

export interface MeasuredPoint extends LoadPoint {
  /** Arrivals a second that were offered, or users of a closed loop. */
  load: number;
}

/**
 * Returns one point of the curve per measured load, from the lightest. A load with several steps is their median, so that a
 * pause of the process or the machine in one step does not move the point.
 */
export function listPoints(steps: readonly Step[]): MeasuredPoint[] {
  const byLoad = new Map<number, Step[]>();
  for (const step of listMeasured(steps)) {
    const load = step.offeredPerSecond ?? step.vusLimit;
    byLoad.set(load, [...(byLoad.get(load) ?? []), step]);
  }
  return [...byLoad]
    .map(([load, same]) => ({
      load,
      concurrency: median(same.map(concurrencyOf)),
      perSecond: median(same.map(({ completedPerSecond }) => completedPerSecond)),
    }))
    .sort((a, b) => a.concurrency - b.concurrency);
}

/** Lists the steps after the warm-up that the run reached. */
export function listMeasured(steps: readonly Step[]): Step[] {
  return steps.filter(({ phase, samples }) => phase === 'measured' && samples > 0);
}

/** Returns N of the Universal Scalability Law: the users of a closed loop, or the mean of requests in flight. */
export function concurrencyOf({ offeredPerSecond, vusLimit, meanInFlight }: Step): number {
  return offeredPerSecond === null ? vusLimit : meanInFlight;
}

/** Returns the mean think time between two requests by Little's law; 0 where arrivals are offered. */
export function thinkSecondsOf({ offeredPerSecond, vusLimit, meanInFlight, completedPerSecond }: Step): number {
  return offeredPerSecond === null && completedPerSecond > 0
    ? Math.max(0, vusLimit - meanInFlight) / completedPerSecond
    : 0;
}
