import { castVotes, type Ballot, type VoteOutcome } from '../database/votes.ts';
import type { Sql } from '../database/open.ts';
import { AppError } from '../errors.ts';
import { votesPerBatchMax, votesWaitingMax } from '../limits.ts';

export type VoteBatches = ReturnType<typeof openVoteBatches>;

interface Waiting {
  ballot: Ballot;
  resolve: (outcome: VoteOutcome) => void;
  reject: (error: unknown) => void;
}

/**
 * While one batch is with the database, whatever arrives joins the next: no timer, so a lone vote goes at once and a
 * crowd goes together. A vote is answered after its batch has been committed. When a batch fails as a whole, each of its
 * votes is told so; whether they were counted is then unknown, and voting again finds out.
 */
export function openVoteBatches(sql: Sql, onBatch: (size: number) => void = () => undefined) {
  let waiting: Waiting[] = [];
  let isSending = false;

  async function sendAll(): Promise<void> {
    isSending = true;
    while (waiting.length > 0) {
      const batch = waiting.splice(0, votesPerBatchMax);
      onBatch(batch.length);
      await send(batch);
    }
    isSending = false;
  }

  async function send(batch: Waiting[]): Promise<void> {
    const firsts = new Map<string, Waiting>();
    const repeats: Waiting[] = [];
    for (const each of batch) {
      const pair = `${each.ballot.videoId}:${each.ballot.userId}`;
      if (firsts.has(pair)) repeats.push(each);
      else firsts.set(pair, each);
    }
    const distinct = [...firsts.values()];
    try {
      const outcomes = await castVotes(sql, distinct.map((each) => each.ballot));
      for (const [i, each] of distinct.entries()) each.resolve(outcomes[i] as VoteOutcome);
    } catch (error) {
      for (const each of batch) each.reject(error);
      return;
    }
    // The same pair twice in one batch: the first has had its answer, the others find it there in the next.
    waiting.unshift(...repeats);
  }

  return {
    cast(ballot: Ballot): Promise<VoteOutcome> {
      if (waiting.length >= votesWaitingMax) {
        return Promise.reject(new AppError('unavailable', 'Too many votes at once, try again', { retryAfterSeconds: 1 }));
      }
      return new Promise((resolve, reject) => {
        waiting.push({ ballot, resolve, reject });
        if (!isSending) void sendAll();
      });
    },
  };
}
