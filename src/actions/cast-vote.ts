import type { Sql } from '../database/open.ts';
import { insertVotes, type VoteOutcome, type VoteRequest } from '../database/votes.ts';
import { AppError } from '../errors.ts';
import { voteBatchesInFlightMax, votesForSecondBatchMin, votesPerBatchMax, votesWaitingMax } from '../limits.ts';

export type VoteBatches = ReturnType<typeof openVoteBatches>;

export interface VoteBatchEvents {
  /** Called with the number of votes when a batch is sent to the database. */
  onBatch?: (size: number) => void;
  /** Called when a batch has ended and its votes are settled. */
  onEnd?: () => void;
}

interface Waiting {
  readonly request: VoteRequest;
  readonly resolve: (outcome: VoteOutcome) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Inserts votes in batches. Votes that arrive while a batch is in flight join the next one. There is no timer: a single vote is
 * sent at once, and concurrent votes share a statement. When `votesForSecondBatchMin` votes wait, a second batch is sent beside
 * the first. A vote resolves after its batch has been committed. When a batch fails, each of its votes rejects. Whether they were
 * counted is then unknown, and a client can vote again to find out.
 */
export function openVoteBatches(sql: Sql, { onBatch, onEnd }: VoteBatchEvents = {}) {
  let waiting: Waiting[] = [];
  let inFlight = 0;

  function sendMore(): void {
    while (waiting.length > 0 && inFlight < batchesAllowed(waiting.length)) {
      const batch = takeBatch();
      inFlight += 1;
      onBatch?.(batch.length);
      // The responses are sent first, so that a client that votes again at once joins the next batch.
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
    /** Resolves when the vote's batch has been committed. Rejects with 503 when `votesWaitingMax` votes wait already. */
    insert(request: VoteRequest): Promise<VoteOutcome> {
      if (waiting.length >= votesWaitingMax) {
        return Promise.reject(new AppError('vote_queue_full', { retryAfterSeconds: 1 }));
      }
      return new Promise((resolve, reject) => {
        waiting.push({ request, resolve, reject });
        sendMore();
      });
    },
  };
}

function batchesAllowed(waitingCount: number): number {
  return waitingCount >= votesForSecondBatchMin ? voteBatchesInFlightMax : 1;
}

/** Sends one batch and settles each of its votes. Never rejects. */
async function send(sql: Sql, batch: readonly Waiting[]): Promise<void> {
  try {
    const outcomes = await insertVotes(
      sql,
      batch.map(({ request }) => request),
    );
    for (const [i, { resolve }] of batch.entries()) resolve(outcomes[i] as VoteOutcome);
  } catch (error) {
    for (const { reject } of batch) reject(error);
  }
}
