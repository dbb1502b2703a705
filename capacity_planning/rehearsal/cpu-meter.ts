import { setTimeout as sleep } from 'node:timers/promises';

/** CPU seconds used so far, by component. */
export type CpuUse = Readonly<Record<'web' | 'database' | 'balancer', number>>;

interface Reading {
  at: number;
  used: CpuUse;
}

const everyMs = 500;
const windowMs = 1_000;

/** Reads the CPU time continuously, so that the cost of each step can be computed afterwards. */
export function startCpuMeter(read: () => CpuUse) {
  const readings: Reading[] = [{ at: Date.now(), used: read() }];
  const done = new AbortController();
  const following = (async () => {
    while (!done.signal.aborted) {
      await sleep(everyMs, undefined, { signal: done.signal }).catch(() => undefined);
      readings.push({ at: Date.now(), used: read() });
    }
  })();
  return {
    stop() {
      done.abort();
      return following;
    },
    /** Returns the CPU seconds used between two times (milliseconds since 1970). */
    between(fromAt: number, untilAt: number): CpuUse {
      const [from, until] = [interpolate(readings, fromAt), interpolate(readings, untilAt)];
      return {
        web: until.web - from.web,
        database: until.database - from.database,
        balancer: until.balancer - from.balancer,
      };
    },
    /** Returns the CPU seconds per second of all instances in their busiest second. */
    busiest(): number {
      const ahead = windowMs / everyMs;
      const rates = readings.slice(ahead).map(({ at, used }, i) => {
        const earlier = readings[i] as Reading;
        return ((used.web - earlier.used.web) / (at - earlier.at)) * 1000;
      });
      return Math.max(0, ...rates);
    },
  };
}

function interpolate(readings: readonly Reading[], at: number): CpuUse {
  const next = Math.max(
    1,
    readings.findIndex((reading) => reading.at >= at),
  );
  const [a, b] = [readings[next - 1], readings[next]];
  if (a === undefined || b === undefined) return (readings.at(-1) as Reading).used;
  const share = Math.min(1, Math.max(0, (at - a.at) / (b.at - a.at)));
  const mix = (name: keyof CpuUse) => a.used[name] + (b.used[name] - a.used[name]) * share;
  return { web: mix('web'), database: mix('database'), balancer: mix('balancer') };
}
