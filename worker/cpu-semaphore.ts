import { type Lease, openSemaphore } from '../src/semaphore.ts';

export type CpuSemaphore = ReturnType<typeof openCpuSemaphore>;

/**
 * Grants the worker's cores to FFmpeg runs, in the order of their requests and never more threads than cores. The weight of a
 * lease is its number of threads. The only active job gets as many as it can use. With more jobs each gets one thread, since two
 * runs of one thread have a higher throughput than two threads for one run after the other, and use less memory. `fixed` gives
 * every run the same number instead.
 */
export function openCpuSemaphore(cores: number, fixed = 0) {
  const semaphore = openSemaphore(cores);
  return {
    /** Resolves to a lease of at most `threadsMax` threads. Calls `isOnlyActiveJob` when the lease can be granted. */
    acquire(isOnlyActiveJob: () => boolean, signal: AbortSignal, threadsMax = cores): Promise<Lease> {
      const choose = (free: number) => (isOnlyActiveJob() && free === cores ? cores : 1);
      return semaphore.acquire(signal, (free) => Math.min(fixed === 0 ? choose(free) : fixed, cores, threadsMax));
    },
  };
}
