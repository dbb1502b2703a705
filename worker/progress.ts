import type { Sql } from '../src/database/open.ts';
import { setProgress, type WorkClaim } from '../src/database/video-jobs.ts';
import { progressIntervalMs } from './limits.ts';
import { StaleAttemptError } from './publish.ts';

/**
 * Writes a job's percentage to its row, at most once in `progressIntervalMs` and one write at a time. `stale` aborts when the row
 * shows that the attempt is stale. A failed write does not stop the job.
 */
export function openProgressWriter(sql: Sql, claim: WorkClaim) {
  const controller = new AbortController();
  let writing: Promise<void> | undefined;
  let lastAt = 0;

  async function write(percent: number): Promise<void> {
    try {
      const isCurrent = await setProgress(sql, { ...claim, percent });
      if (!isCurrent) controller.abort(new StaleAttemptError());
    } catch {
      // The next write, or the job's last query, fails with the same error and reports it.
    } finally {
      writing = undefined;
    }
  }

  return {
    stale: controller.signal,
    report(percent: number): void {
      const now = performance.now();
      if (writing !== undefined || now - lastAt < progressIntervalMs) return;
      lastAt = now;
      writing = write(percent);
    },
    /** Resolves when no write is in flight. */
    end: async () => writing,
  };
}
