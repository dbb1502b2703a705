import { type Clock, systemClock } from '../clock.ts';
import type { Sql } from '../database/open.ts';
import { flushVoteDeltas } from '../database/vote-deltas.ts';
import { voteCountFlushMs } from '../limits.ts';

export type VoteCountFlusher = ReturnType<typeof openVoteCountFlusher>;

/**
 * Votes and deletes note what users gain and lose, and a fold moves the users' counters by it: before the ranking reads them,
 * and soon after a note where nobody reads. A process has one fold at a time.
 */
export function openVoteCountFlusher(
  sql: Sql,
  onFailure: (error: unknown) => void = () => undefined,
  clock: Clock = systemClock,
) {
  let latest = { beganAtMs: Number.NEGATIVE_INFINITY, ended: Promise.resolve() };
  let isRunning = false;
  let isWanted = false;
  let isOnItsWay = false;

  function begin(): void {
    const fold = { beganAtMs: performance.now(), ended: flushVoteDeltas(sql) };
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

  /** Moves the counters by every vote committed before the call, by whatever process. Rejects as the database does. */
  async function now(): Promise<void> {
    const calledAtMs = performance.now();
    while (latest.beganAtMs < calledAtMs) {
      if (isRunning) await latest.ended.catch(() => undefined);
      else begin();
    }
    await latest.ended;
  }

  /** The same within `voteCountFlushMs` of the first call, for all who call meanwhile; tried again until it is done. */
  function soon(): void {
    isWanted = true;
    if (isOnItsWay) return;
    isOnItsWay = true;
    clock.startTimer(voteCountFlushMs, foldWanted);
  }

  async function foldWanted(): Promise<void> {
    isWanted = false;
    try {
      await now();
    } catch (error) {
      isWanted = true;
      onFailure(error);
    }
    isOnItsWay = false;
    if (isWanted) soon();
  }

  return { now, soon };
}
