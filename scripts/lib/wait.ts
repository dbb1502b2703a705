import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Calls `probe` repeatedly until it returns something other than undefined or false, and returns that value. An error counts as "not yet".
 * Rejects after `timeoutMs`, with the last error as the cause.
 */
export async function waitFor<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  { timeoutMs = 60_000, everyMs = 50 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const answer = await probe();
      if (answer !== undefined && answer !== false) return answer;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) {
      const reason = cause instanceof Error ? `: ${cause.message}` : '';
      throw new Error(`Expected ${what} within ${timeoutMs / 1000} s, got nothing${reason}`, { cause });
    }
    await sleep(everyMs);
  }
}
