export const threadsMax = 64;

/** How many threads share the load; NaN for what is no such number. */
export function readThreadCount(text: string): number {
  const threads = Number(text);
  return Number.isInteger(threads) && threads >= 1 && threads <= threadsMax ? threads : Number.NaN;
}
