import { type Clock, systemClock } from '../clock.ts';
import { deadlineCheckMs } from '../limits.ts';

/** Clears the time-out. Returns false if it has expired. */
export type ClearTimeout = () => boolean;

/**
 * Returns a function that starts a request's time-out. One timer serves all of them: they last equally long, so they expire in the
 * order in which they started. `onLate` is called at most `deadlineCheckMs` after the expiry.
 */
export function openRequestTimeouts(deadlineMs: number, clock: Clock = systemClock) {
  const timeouts = new Map<symbol, { expiresAtMs: number; onLate: () => void }>();
  let isChecking = false;

  function startCheck(): void {
    if (isChecking) return;
    isChecking = true;
    clock.startTimer(deadlineCheckMs, check);
  }

  function check(): void {
    isChecking = false;
    const now = clock.now();
    for (const [id, { expiresAtMs, onLate }] of timeouts) {
      if (expiresAtMs > now) {
        startCheck();
        return;
      }
      timeouts.delete(id);
      onLate();
    }
  }

  return (onLate: () => void): ClearTimeout => {
    const id = Symbol('time-out');
    timeouts.set(id, { expiresAtMs: clock.now() + deadlineMs, onLate });
    startCheck();
    return () => timeouts.delete(id);
  };
}
