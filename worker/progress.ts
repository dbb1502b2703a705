import type { Sql } from '../src/database/open.ts';
import { setProgress, type WorkClaim } from '../src/database/video-jobs.ts';
import { progressIntervalMs } from '../src/limits.ts';
import { StaleAttemptError } from './publish.ts';

/**
 * Writes a job's percentage to its row, at most once in `progressIntervalMs` and never two at once. `lost` aborts when the
 * row says that the attempt is not the current one any more. A percentage that cannot be written is no reason to stop.
 */
export function openProgressWriter(sql: Sql, claim: WorkClaim) {
  const controller = new AbortController();
  let writing: Promise<void> | undefined;
  let lastAt = 0;

  async function write(percent: number): Promise<void> {
    try {
      const isOurs = await setProgress(sql, { ...claim, percent });
      if (!isOurs) controller.abort(new StaleAttemptError());
    } catch {
      // The end of the job will tell.
    } finally {
      writing = undefined;
    }
  }

  return {
    lost: controller.signal,
    tell(percent: number): void {
      const now = performance.now();
      if (writing !== undefined || now - lastAt < progressIntervalMs) return;
      lastAt = now;
      writing = write(percent);
    },
    /** No write is under way when this settles. */
    end: async () => writing,
  };
}
