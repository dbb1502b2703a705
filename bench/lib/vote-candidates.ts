import { benchSecretKey } from '../../scripts/dev/testbed/servers.ts';
import { measureCpu } from '../../scripts/lib/process-cost.ts';
import { percentile } from '../../scripts/lib/statistics.ts';
import { openVoteBatches } from '../../src/actions/cast-vote.ts';
import { openVoteCountFlusher } from '../../src/actions/flush-vote-counts.ts';
import { openDatabase, type Sql } from '../../src/database/open.ts';
import { voteBatchesInFlightMax } from '../../src/limits.ts';
import { openTokens } from '../../src/tokens.ts';
import type { Candidate, Figures } from './bench-case.ts';
import { formatRequest, runHttpLoad } from './http-load.ts';
import { runPgbench } from './pgbench.ts';

export interface VoteContext {
  sql: Sql;
  url: string;
  postgresPid: number;
  folder: string;
  users: number;
  videos: number;
  seconds: number;
}

/** `spread`: random users vote for random videos. `hot`: one user after another votes for the same video. */
export type VotePattern = 'spread' | 'hot';

/** Votes through the batches and the flushes of their deltas, without HTTP, for the comparison with pgbench. */
export function voteInProcess(
  name: string,
  context: VoteContext,
  pattern: VotePattern,
  concurrency: number,
): Candidate {
  return {
    name,
    async run({ isWarmUp }) {
      await resetVotes(context);
      const sql = openVotesDatabase(context);
      const flusher = openVoteCountFlusher(context.sql);
      const votes = openVoteBatches(sql, { onEnd: flusher.schedule });
      const pick = pickPairs(context, pattern);
      const endsAt = performance.now() + roundSeconds(context, isWarmUp) * 1000;
      const latencies: number[] = [];
      const voter = async () => {
        while (performance.now() < endsAt) {
          const [videoId, userId] = pick();
          const startedAt = performance.now();
          await votes.insert({ videoId, userId });
          latencies.push(performance.now() - startedAt);
        }
      };
      const cost = await measureHere(context, async () => {
        await Promise.all(Array.from({ length: concurrency }, voter));
        await flusher.flush();
      });
      await sql.end();
      return toFigures(latencies.length, cost.seconds, cost.cpuSeconds, { p99Ms: percentile(latencies, 0.99) });
    },
  };
}

export function voteByPgbench(name: string, context: VoteContext, script: string, clients: number): Candidate {
  return {
    name,
    async run({ isWarmUp }) {
      await resetVotes(context);
      const run = {
        url: context.url,
        folder: context.folder,
        script,
        clients,
        seconds: roundSeconds(context, isWarmUp),
      };
      const cost = await measureHere(context, () => runPgbench(run));
      const { transactions, perSecond } = cost.result;
      // pgbench's own rate does not include the time to connect.
      return toFigures(transactions, transactions / perSecond, cost.cpuSeconds);
    },
  };
}

export function voteOverHttp(
  name: string,
  context: VoteContext,
  server: { port: number; pid: number },
  pattern: VotePattern,
  connections: number,
): Candidate {
  const tokens = openTokens({ secretKey: benchSecretKey, previousKey: undefined, lifetimeSeconds: 3600 });
  const issued = new Map<number, string>();
  return {
    name,
    async run({ isWarmUp }) {
      await resetVotes(context);
      const pick = pickPairs(context, pattern);
      const next = () => {
        const [videoId, userId] = pick();
        const token = issued.get(userId) ?? tokens.issue(userId);
        issued.set(userId, token);
        return formatRequest('POST', `/api/public/videos/${videoId}/vote`, { Authorization: `Bearer ${token}` });
      };
      const durationMs = roundSeconds(context, isWarmUp) * 1000;
      const cost = await measureCpu({ client: [server.pid], postgres: [context.postgresPid] }, () =>
        runHttpLoad({ port: server.port, connections, next, durationMs }),
      );
      const { responses, byStatus, p50Ms, p99Ms } = cost.result;
      // A few random pairs of user and video come twice.
      if ((byStatus['200'] ?? 0) < 0.95 * responses) {
        throw new Error(`Expected at least 95 % 200, got ${JSON.stringify(byStatus)}`);
      }
      return toFigures(responses, cost.seconds, cost.cpuSeconds, { p50Ms, p99Ms });
    },
  };
}

/** The client is this process or its child. PostgreSQL is a child as well: its time is subtracted from the client's. */
async function measureHere<T>({ postgresPid }: VoteContext, work: () => Promise<T>) {
  const cost = await measureCpu({ all: [process.pid], postgres: [postgresPid] }, work);
  const { all, postgres } = cost.cpuSeconds;
  return { ...cost, cpuSeconds: { client: all - postgres, postgres } };
}

/** Resets the tables, so that every candidate starts without votes, vacuumed and after a checkpoint. */
async function resetVotes({ sql }: VoteContext): Promise<void> {
  await sql`truncate votes, vote_deltas restart identity`;
  await sql`update videos set votes = 0 where votes > 0`;
  await sql`update users set votes = 0 where votes > 0`;
  await sql`vacuum analyze users, videos, votes`;
  await sql`checkpoint`;
}

function openVotesDatabase({ url }: VoteContext): Sql {
  return openDatabase(url, { connections: voteBatchesInFlightMax, applicationName: 'votes', keepsPlans: true });
}

function pickPairs({ users, videos }: VoteContext, pattern: VotePattern): () => [videoId: number, userId: number] {
  let next = 0;
  const upTo = (most: number) => 1 + Math.floor(Math.random() * most);
  if (pattern === 'spread') return () => [upTo(videos), upTo(users)];
  return () => {
    next += 1;
    return [1, next];
  };
}

function roundSeconds({ seconds }: VoteContext, isWarmUp: boolean): number {
  return isWarmUp ? 1 : seconds;
}

function toFigures(
  votes: number,
  wallSeconds: number,
  cpuSeconds: { client: number; postgres: number },
  more: Figures = {},
): Figures {
  return {
    votesPerSecond: votes / wallSeconds,
    votesPerCpuSecond: votes / (cpuSeconds.client + cpuSeconds.postgres),
    clientCpuUsPerVote: (cpuSeconds.client * 1e6) / votes,
    postgresCpuUsPerVote: (cpuSeconds.postgres * 1e6) / votes,
    ...more,
  };
}
