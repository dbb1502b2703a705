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

export interface VoteStage {
  sql: Sql;
  url: string;
  postgresPid: number;
  folder: string;
  users: number;
  videos: number;
  seconds: number;
}

/** Who votes for what: everybody for anything, or one after the other for the same. */
export type Crowd = 'spread' | 'hot';

/** The batches themselves and the flushers behind them, without HTTP: what stands against pgbench, which has none either. */
export function castInProcess(name: string, stage: VoteStage, crowd: Crowd, concurrency: number): Candidate {
  return {
    name,
    async run({ isWarmUp }) {
      await clear(stage);
      const sql = openVotesDatabase(stage);
      const flusher = openVoteCountFlusher(stage.sql);
      const votes = openVoteBatches(sql, { onEnd: flusher.schedule });
      const pick = pickPairs(stage, crowd);
      const endsAt = performance.now() + roundSeconds(stage, isWarmUp) * 1000;
      const latencies: number[] = [];
      const voter = async () => {
        while (performance.now() < endsAt) {
          const [videoId, userId] = pick();
          const startedAt = performance.now();
          await votes.insert({ videoId, userId });
          latencies.push(performance.now() - startedAt);
        }
      };
      const cost = await measureHere(stage, async () => {
        await Promise.all(Array.from({ length: concurrency }, voter));
        await flusher.flush();
      });
      await sql.end();
      return toFigures(latencies.length, cost.seconds, cost.cpuSeconds, { p99Ms: percentile(latencies, 0.99) });
    },
  };
}

export function castByPgbench(name: string, stage: VoteStage, script: string, clients: number): Candidate {
  return {
    name,
    async run({ isWarmUp }) {
      await clear(stage);
      const run = { url: stage.url, folder: stage.folder, script, clients, seconds: roundSeconds(stage, isWarmUp) };
      const cost = await measureHere(stage, () => runPgbench(run));
      const { transactions, perSecond } = cost.result;
      // Its own rate leaves out the time in which it connects.
      return toFigures(transactions, transactions / perSecond, cost.cpuSeconds);
    },
  };
}

export function castOverHttp(
  name: string,
  stage: VoteStage,
  server: { port: number; pid: number },
  crowd: Crowd,
  connections: number,
): Candidate {
  const tokens = openTokens({ secretKey: benchSecretKey, previousKey: undefined, lifetimeSeconds: 3600 });
  const issued = new Map<number, string>();
  return {
    name,
    async run({ isWarmUp }) {
      await clear(stage);
      const pick = pickPairs(stage, crowd);
      const next = () => {
        const [videoId, userId] = pick();
        const token = issued.get(userId) ?? tokens.issue(userId);
        issued.set(userId, token);
        return formatRequest('POST', `/api/public/videos/${videoId}/vote`, { Authorization: `Bearer ${token}` });
      };
      const durationMs = roundSeconds(stage, isWarmUp) * 1000;
      const cost = await measureCpu({ client: [server.pid], postgres: [stage.postgresPid] }, () =>
        runHttpLoad({ port: server.port, connections, next, durationMs }),
      );
      const { answered, byStatus, p50Ms, p99Ms } = cost.result;
      // Random pairs meet now and then.
      if ((byStatus['200'] ?? 0) < 0.95 * answered) {
        throw new Error(`Expected votes to be counted, got ${JSON.stringify(byStatus)}`);
      }
      return toFigures(answered, cost.seconds, cost.cpuSeconds, { p50Ms, p99Ms });
    },
  };
}

/** The client is this process or a child of it. So is PostgreSQL, whose time is taken out of the client's. */
async function measureHere<T>({ postgresPid }: VoteStage, work: () => Promise<T>) {
  const cost = await measureCpu({ all: [process.pid], postgres: [postgresPid] }, work);
  const { all, postgres } = cost.cpuSeconds;
  return { ...cost, cpuSeconds: { client: all - postgres, postgres } };
}

/** All start from the same tables: no vote, every counter 0, nothing to vacuum, a checkpoint behind them. */
async function clear({ sql }: VoteStage): Promise<void> {
  await sql`truncate votes, vote_deltas restart identity`;
  await sql`update videos set votes = 0 where votes > 0`;
  await sql`update users set votes = 0 where votes > 0`;
  await sql`vacuum analyze users, videos, votes`;
  await sql`checkpoint`;
}

function openVotesDatabase({ url }: VoteStage): Sql {
  return openDatabase(url, { connections: voteBatchesInFlightMax, applicationName: 'votes', keepsPlans: true });
}

function pickPairs({ users, videos }: VoteStage, crowd: Crowd): () => [videoId: number, userId: number] {
  let next = 0;
  const upTo = (most: number) => 1 + Math.floor(Math.random() * most);
  if (crowd === 'spread') return () => [upTo(videos), upTo(users)];
  return () => {
    next += 1;
    return [1, next];
  };
}

function roundSeconds({ seconds }: VoteStage, isWarmUp: boolean): number {
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
