import type { PartPages } from './part-pages.ts';

export type PageQueue = ReturnType<typeof openPageQueue>;

interface Waiter {
  readonly wanted: number;
  readonly grant: (pages: number[]) => void;
}

/** Opens a queue of requests for pages, served in the order of their arrival. */
export function openPageQueue(pages: PartPages) {
  const waiters: Waiter[] = [];

  /** Passes pages to `give` when they are free, and then resolves. Rejects with the signal's reason without having taken pages. */
  function take(wanted: number, give: (pages: number[]) => void, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      const abandon = () => {
        waiters.splice(waiters.indexOf(waiter), 1);
        reject(signal.reason);
      };
      const grant = (taken: number[]) => {
        signal.removeEventListener('abort', abandon);
        give(taken);
        resolve();
      };
      const waiter = { wanted, grant };
      waiters.push(waiter);
      signal.addEventListener('abort', abandon, { once: true });
      serve();
    });
  }

  /** Call when pages were released. */
  function serve(): void {
    for (let next = waiters[0]; next !== undefined; next = waiters[0]) {
      const taken = pages.take(next.wanted);
      if (taken === undefined) return;
      waiters.shift();
      next.grant(taken);
    }
  }

  return { take, serve, waiting: () => waiters.length, nextWants: () => waiters[0]?.wanted ?? 0 };
}
