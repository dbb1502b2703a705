import { type Clock, systemClock } from '../clock.ts';
import type { Sql } from '../database/open.ts';
import { flushVoteDeltas } from '../database/vote-deltas.ts';
import { voteCountFlushMs } from '../limits.ts';

export type VoteCountFlusher = ReturnType<typeof openVoteCountFlusher>;

/**
 * Votes and deletions append deltas. A flush adds the deltas to `users.votes`: before each ranking read, and at the latest
 * `voteCountFlushMs` after a vote. A process runs one flush at a time.
 */
export function openVoteCountFlusher(
  sql: Sql,
  onFailure: (error: unknown) => void = () => undefined,
  clock: Clock = systemClock,
) {
  let latest = { startedAtMs: Number.NEGATIVE_INFINITY, ended: Promise.resolve() };
  let isRunning = false;
  let isRequested = false;
  let isScheduled = false;

  function start(): void {
    const run = { startedAtMs: performance.now(), ended: flushVoteDeltas(sql) };
    [latest, isRunning] = [run, true];
    run.ended.then(
      () => {
        isRunning = false;
      },
      () => {
        isRunning = false;
        // A failed flush must not satisfy any caller of `flush`.
        run.startedAtMs = Number.NEGATIVE_INFINITY;
      },
    );
  }

  /** Flushes every delta committed before the call, by any process. Rejects when the database does. */
  async function flush(): Promise<void> {
    const calledAtMs = performance.now();
    while (latest.startedAtMs < calledAtMs) {
      if (isRunning) await latest.ended.catch(() => undefined);
      else start();
    }
    await latest.ended;
  }

  /** Schedules one flush for all calls within `voteCountFlushMs` of the first one. A failed flush is retried until it succeeds. */
  function schedule(): void {
    isRequested = true;
    if (isScheduled) return;
    isScheduled = true;
    clock.startTimer(voteCountFlushMs, flushRequested);
  }

  async function flushRequested(): Promise<void> {
    isRequested = false;
    try {
      await flush();
    } catch (error) {
      isRequested = true;
      onFailure(error);
    }
    isScheduled = false;
    if (isRequested) schedule();
  }

  return { flush, schedule };
}
