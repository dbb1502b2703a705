import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Asks again and again until `question` answers something other than undefined or false, and gives that answer.
 * Errors count as "not yet"; the last one is the cause when the time is up.
 */
export async function waitFor<T>(
  what: string,
  question: () => Promise<T | undefined | false> | T | undefined | false,
  { timeoutMs = 60_000, everyMs = 50 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const answer = await question();
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
