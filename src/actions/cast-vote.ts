import type { Sql } from '../database/open.ts';
import { castVotes, type VoteOutcome, type VoteRequest } from '../database/votes.ts';
import { AppError } from '../errors.ts';
import { voteBatchesInFlightMax, votesForSecondBatchMin, votesPerBatchMax, votesWaitingMax } from '../limits.ts';

export type VoteBatches = ReturnType<typeof openVoteBatches>;

export interface VoteBatchEvents {
  /** A batch of so many goes to the database. */
  onBatch?: (size: number) => void;
  /** A batch has ended, and its votes have been answered. */
  onEnd?: () => void;
}

interface Waiting {
  readonly ballot: VoteRequest;
  readonly resolve: (outcome: VoteOutcome) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * While a batch is with the database, whatever arrives joins the next: no timer, so a lone vote goes at once and a crowd
 * goes together. A crowd large enough fills a second batch meanwhile. A vote is answered after its batch has been committed.
 * When a batch fails as a whole, each of its votes is told so; whether they were counted is then unknown, and voting again
 * finds out.
 */
export function openVoteBatches(sql: Sql, { onBatch, onEnd }: VoteBatchEvents = {}) {
  let waiting: Waiting[] = [];
  let inFlight = 0;

  function sendMore(): void {
    while (waiting.length > 0 && inFlight < batchesAllowed(waiting.length)) {
      const batch = takeBatch();
      inFlight += 1;
      onBatch?.(batch.length);
      // Answers go out first: who votes again at once then joins the next batch.
      send(sql, batch).then(() => setImmediate(endBatch));
    }
  }

  function takeBatch(): Waiting[] {
    if (waiting.length > votesPerBatchMax) return waiting.splice(0, votesPerBatchMax);
    const all = waiting;
    waiting = [];
    return all;
  }

  function endBatch(): void {
    inFlight -= 1;
    sendMore();
    onEnd?.();
  }

  return {
    cast(ballot: VoteRequest): Promise<VoteOutcome> {
      if (waiting.length >= votesWaitingMax) {
        return Promise.reject(new AppError('vote_queue_full', { retryAfterSeconds: 1 }));
      }
      return new Promise((resolve, reject) => {
        waiting.push({ ballot, resolve, reject });
        sendMore();
      });
    },
  };
}

function batchesAllowed(waitingCount: number): number {
  return waitingCount >= votesForSecondBatchMin ? voteBatchesInFlightMax : 1;
}

/** Settles every vote of the batch and never rejects itself. */
async function send(sql: Sql, batch: readonly Waiting[]): Promise<void> {
  try {
    const outcomes = await castVotes(
      sql,
      batch.map(({ ballot }) => ballot),
    );
    for (const [i, { resolve }] of batch.entries()) resolve(outcomes[i] as VoteOutcome);
  } catch (error) {
    for (const { reject } of batch) reject(error);
  }
}
