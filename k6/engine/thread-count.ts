const threadsMax = 64;

/** Reads --threads, the number of threads that share the load. */
export function readThreadCount(text: string): number {
  const threads = Number(text);
  if (Number.isInteger(threads) && threads >= 1 && threads <= threadsMax) return threads;
  throw new Error(`Expected --threads to be a whole number from 1 to ${threadsMax}, got ${text}`);
}
