export type CpuSemaphore = ReturnType<typeof openCpuSemaphore>;

export interface CpuLease {
  readonly threads: number;
  release(): void;
}

/**
 * Shares out the worker's cores to FFmpeg runs. A job that runs alone gets as many as it can use; as soon as there are more
 * jobs, one each, since two runs of one thread get more done than two threads in turn, in less memory. Never more threads than
 * cores. `fixed` gives every run the same number instead.
 */
export function openCpuSemaphore(cores: number, fixed = 0) {
  const waiting: (() => void)[] = [];
  let free = cores;

  function takeWhenPossible(threads: number): CpuLease | undefined {
    if (free < threads) return undefined;
    free -= threads;
    let released = false;
    return {
      threads,
      release() {
        if (released) return;
        released = true;
        free += threads;
        waiting[0]?.();
      },
    };
  }

  return {
    /**
     * In the order asked, at most `threadsMax` for one job. `isOnlyActiveJob` is asked when the turn comes. Rejects with the signal's
     * reason.
     */
    async acquire(isOnlyActiveJob: () => boolean, signal: AbortSignal, threadsMax = cores): Promise<CpuLease> {
      for (let first = true; ; first = false) {
        signal.throwIfAborted();
        if (!first || waiting.length === 0) {
          const fitting = isOnlyActiveJob() && free === cores ? cores : 1;
          const share = takeWhenPossible(Math.min(fixed === 0 ? fitting : fixed, cores, threadsMax));
          if (share !== undefined) {
            // A smaller share may leave room for the next in line.
            queueMicrotask(() => waiting[0]?.());
            return share;
          }
        }
        await turn(waiting, first, signal);
      }
    },
  };
}

/** Waits to be woken as the first in line. Who has been woken in vain stays first. */
function turn(waiting: (() => void)[], isNew: boolean, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const leave = () => {
      waiting.splice(waiting.indexOf(wake), 1);
      signal.removeEventListener('abort', abandon);
    };
    const wake = () => {
      leave();
      resolve();
    };
    const abandon = () => {
      leave();
      reject(signal.reason);
      waiting[0]?.();
    };
    signal.addEventListener('abort', abandon, { once: true });
    if (isNew) waiting.push(wake);
    else waiting.unshift(wake);
  });
}
