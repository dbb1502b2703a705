import type { Sql } from '../database/open.ts';
import { foldVoteGains } from '../database/vote-gains.ts';

/**
 * Votes note what users gain, and a fold moves the users' counters: the ranking reads them after one, and votes ask for one now
 * and then, so that never more than a moment's gains wait. A process has one at a time.
 */
export function openVoteFold(sql: Sql) {
  let latest = { beganAtMs: Number.NEGATIVE_INFINITY, ended: Promise.resolve() };
  let isRunning = false;

  function begin(): void {
    const fold = { beganAtMs: performance.now(), ended: foldVoteGains(sql) };
    [latest, isRunning] = [fold, true];
    fold.ended.then(
      () => {
        isRunning = false;
      },
      () => {
        isRunning = false;
        // Nobody may take it for done.
        fold.beganAtMs = Number.NEGATIVE_INFINITY;
      },
    );
  }

  /**
   * Resolves to the moment (ms of `performance.now`) up to which every vote of anybody's is in the counters: `ageMs` ago at the
   * earliest. Rejects as the database does.
   */
  return async function fold(ageMs: number): Promise<number> {
    const wantedMs = performance.now() - ageMs;
    while (latest.beganAtMs < wantedMs) {
      if (isRunning) await latest.ended.catch(() => undefined);
      else begin();
    }
    const { beganAtMs, ended } = latest;
    await ended;
    return beganAtMs;
  };
}
