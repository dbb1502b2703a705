import {
  addBenchDatabase,
  makeBenchFolder,
  openBenchPostgres,
  startWebProcess,
} from '../../scripts/dev/testbed/servers.ts';
import { fillVoteRows, type VoteRows } from '../../scripts/dev/testbed/vote-rows.ts';
import { median } from '../../scripts/lib/statistics.ts';
import type { Sql } from '../../src/database/open.ts';
import { atMost, type BenchCase, type Candidate, type Target } from '../lib/bench-case.ts';
import { formatRequest, runHttpLoad } from '../lib/http-load.ts';
import { explainQueries, rankingQueries, recordBookmarks } from '../lib/ranking-queries.ts';
import { renderRankingsReport } from '../lib/rankings-report.ts';

/** More votes come with more voters and videos. Each city has more than 9,000 users even in the smallest data set. */
const sizes: readonly Required<VoteRows>[] = [
  { votes: 10_000, users: 50_000, videos: 1_000 },
  { votes: 1_000_000, users: 200_000, videos: 10_000 },
  { votes: 10_000_000, users: 1_000_000, videos: 50_000 },
];
const repeats = 200;
const connections = 8;
const requestMs = 1_500;

const nameOf = ({ votes }: VoteRows) => `${Number(votes).toLocaleString('en')} votes`;
const [smallest, largest] = [nameOf(sizes[0] as VoteRows), nameOf(sizes.at(-1) as VoteRows)];

export const benchCase: BenchCase = {
  name: 'rankings-scale',
  summary: 'Rankings with few votes and with many: the queries of a cache refresh, and the latency of requests',
  async open(defer) {
    const folder = makeBenchFolder(defer);
    const postgres = await openBenchPostgres(folder, defer);
    const candidates: Candidate[] = [];
    let plans: unknown;
    for (const size of sizes) {
      const { url, sql } = await addBenchDatabase(postgres, `votes_${size.votes}`, defer);
      await fillVoteRows(sql, size);
      const { port } = await startWebProcess(folder, { DATABASE_URL: url }, defer);
      candidates.push(measureAll(nameOf(size), sql, port));
      if (nameOf(size) === largest) plans = await explainQueries(url);
    }
    return { candidates, targets, runMetadata: { sizes, repeats, connections, plans } };
  },
  renderReport: renderRankingsReport,
};

const figures = [...rankingQueries.map(({ figure }) => figure), 'requestPage1P50Ms', 'requestPage901P50Ms'];

const targets: Target[] = [
  ...figures.map((figure) => atMost(`${figure}: ${largest} / ${smallest}`, [largest, figure], 1.2, [smallest, figure])),
  compareDepth('page901Ms', 'page1Ms'),
  compareDepth('requestPage901P50Ms', 'requestPage1P50Ms'),
];

function compareDepth(deep: string, first: string): Target {
  return atMost(`${largest}: ${deep} / ${first}`, [largest, deep], 1.2, [largest, first]);
}

/** Measures the median of each query, then requests for the first page and for a deep one. */
function measureAll(name: string, sql: Sql, port: number): Candidate {
  return {
    name,
    async run({ isWarmUp }) {
      const result: Record<string, number> = {};
      const bookmarks = await recordBookmarks(sql);
      for (const { figure, run } of rankingQueries) result[figure] = await timeMedianMs(() => run(sql, bookmarks));
      const durationMs = isWarmUp ? requestMs / 3 : requestMs;
      const p50Ms = async (page: number) => {
        const request = formatRequest('GET', `/api/public/rankings?page=${page}&limit=10`);
        return (await runHttpLoad({ port, connections, next: () => request, durationMs })).p50Ms;
      };
      return { ...result, requestPage1P50Ms: await p50Ms(1), requestPage901P50Ms: await p50Ms(901) };
    },
  };
}

async function timeMedianMs(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < repeats; i += 1) {
    const startedAt = performance.now();
    await work();
    times.push(performance.now() - startedAt);
  }
  return median(times);
}
