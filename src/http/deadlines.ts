import { type Clock, systemClock } from '../clock.ts';
import { deadlineCheckMs } from '../limits.ts';

/** Ends the wait and tells whether it was still under way. */
export type EndWait = () => boolean;

/**
 * One timer for all requests that wait: each has the same time, so they run out in the order in which they began. A wait is
 * ended late by `deadlineCheckMs` at most.
 */
export function openDeadlines(deadlineMs: number, clock: Clock = systemClock) {
  const waits = new Map<symbol, { expiresAtMs: number; onLate: () => void }>();
  let isChecking = false;

  function startCheck(): void {
    if (isChecking) return;
    isChecking = true;
    clock.startTimer(deadlineCheckMs, check);
  }

  function check(): void {
    isChecking = false;
    const now = clock.now();
    for (const [id, { expiresAtMs, onLate }] of waits) {
      if (expiresAtMs > now) {
        startCheck();
        return;
      }
      waits.delete(id);
      onLate();
    }
  }

  return (onLate: () => void): EndWait => {
    const id = Symbol('wait');
    waits.set(id, { expiresAtMs: clock.now() + deadlineMs, onLate });
    startCheck();
    return () => waits.delete(id);
  };
}
