import { deadlineCheckMs } from '../limits.ts';

/** Ends the wait and tells whether it was still under way. */
export type EndWait = () => boolean;

/**
 * One timer for all requests that wait: each has the same time, so they run out in the order in which they began. A wait is
 * ended late by `deadlineCheckMs` at most.
 */
export function openDeadlines(deadlineMs: number) {
  const waits = new Map<symbol, { expiresAtMs: number; onLate: () => void }>();
  let timer: NodeJS.Timeout | undefined;

  function check(): void {
    const now = performance.now();
    for (const [id, { expiresAtMs, onLate }] of waits) {
      if (expiresAtMs > now) return;
      waits.delete(id);
      onLate();
    }
    clearInterval(timer);
    timer = undefined;
  }

  return (onLate: () => void): EndWait => {
    const id = Symbol('wait');
    waits.set(id, { expiresAtMs: performance.now() + deadlineMs, onLate });
    timer ??= setInterval(check, deadlineCheckMs);
    return () => waits.delete(id);
  };
}
