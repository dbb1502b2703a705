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
  for (const step of steps.filter(({ phase, samples }) => phase === 'measured' && samples > 0)) {
    const load = step.offeredPerSecond ?? step.vusLimit;
    byLoad.set(load, [...(byLoad.get(load) ?? []), step]);
  }
  return [...byLoad]
    .map(([load, same]) => ({
      load,
      inFlight: median(same.map(({ meanInFlight }) => meanInFlight)),
      perSecond: median(same.map(({ completedPerSecond }) => completedPerSecond)),
    }))
    .sort((a, b) => a.inFlight - b.inFlight);
}
