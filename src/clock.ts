/** The source of time of a module. Tests pass a clock that they advance themselves. */
export interface Clock {
  /** Returns milliseconds since a fixed moment. Never goes back, so that two readings can be compared. */
  now(): number;
  /** Calls `onTime` once, `ms` from now. The timer does not keep the process running. */
  startTimer(ms: number, onTime: () => void): void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  startTimer: (ms, onTime) => void setTimeout(onTime, ms).unref(),
};
