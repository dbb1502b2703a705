import { median } from '../../scripts/lib/statistics.ts';
import type { Step } from './report-schema.ts';
import type { LoadPoint } from './usl.ts';

export interface MeasuredPoint extends LoadPoint {
  /** Arrivals a second that were offered, or users of a closed loop. */
  load: number;
}

/**
 * Each load that was measured is a point of the curve, from the lightest on. One that came again is the median of its steps:
 * what a pause of the process or of the machine took from one of them is not the load's doing.
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

/** Those that count and that the run got to. */
export function listMeasured(steps: readonly Step[]): Step[] {
  return steps.filter(({ phase, samples }) => phase === 'measured' && samples > 0);
}

/** The law's N: the users of a closed loop, those who think among them; else the requests under way, on average. */
export function concurrencyOf({ offeredPerSecond, vusLimit, meanInFlight }: Step): number {
  return offeredPerSecond === null ? vusLimit : meanInFlight;
}

/** Little's law tells how long users who are not waiting think between two requests; nobody does where arrivals are offered. */
export function thinkSecondsOf({ offeredPerSecond, vusLimit, meanInFlight, completedPerSecond }: Step): number {
  return offeredPerSecond === null && completedPerSecond > 0
    ? Math.max(0, vusLimit - meanInFlight) / completedPerSecond
    : 0;
}
