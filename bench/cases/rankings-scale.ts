import {
  addBenchDatabase,
  makeBenchFolder,
  openBenchPostgres,
  startWebProcess,
} from '../../scripts/dev/testbed/servers.ts';
import { fillVoteRows, type VoteRows } from '../../scripts/dev/testbed/vote-rows.ts';
import { median } from '../../scripts/lib/statistics.ts';
import type { Sql } from '../../src/database/open.ts';
import type { BenchCase, Candidate, Target } from '../lib/bench-case.ts';
import { formatRequest, runHttpLoad } from '../lib/http-load.ts';
import { explainQueries, questions, recordBookmarks } from '../lib/ranking-queries.ts';
import { writeRankingReport } from '../lib/ranking-report.ts';

/** More votes have more voters and more videos. Even the fewest users are enough to have a place 9,000 in each city. */
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
  summary: 'The ranking with few votes and with many: what a refresh asks of PostgreSQL, and what a reader waits',
  async open(defer) {
    const folder = makeBenchFolder(defer);
    const postgres = await openBenchPostgres(folder, defer);
    const candidates: Candidate[] = [];
    let plans: unknown;
    for (const size of sizes) {
      const { url, sql } = await addBenchDatabase(postgres, `votes_${size.votes}`, defer);
      await fillVoteRows(sql, size);
      const { port } = await startWebProcess(folder, { DATABASE_URL: url }, defer);
      candidates.push(askAll(nameOf(size), sql, port));
      if (nameOf(size) === largest) plans = await explainQueries(url);
    }
    return { candidates, targets, runMetadata: { sizes, repeats, connections, plans } };
  },
  writeReport: writeRankingReport,
};

const figures = [...questions.map(({ figure }) => figure), 'requestPage1P50Ms', 'requestPage901P50Ms'];

const targets: Target[] = [
  ...figures.map(
    (figure): Target => ({
      what: `${figure}: ${largest} / ${smallest}`,
      of: [largest, figure],
      against: [smallest, figure],
      is: '<=',
      bound: 1.2,
    }),
  ),
  deeper('page901Ms', 'page1Ms'),
  deeper('requestPage901P50Ms', 'requestPage1P50Ms'),
];

function deeper(deep: string, first: string): Target {
  return {
    what: `${largest}: ${deep} / ${first}`,
    of: [largest, deep],
    against: [largest, first],
    is: '<=',
    bound: 1.2,
  };
}

/** Each question several times in a row, the median; then requests for the first page and for a deep one. */
function askAll(name: string, sql: Sql, port: number): Candidate {
  return {
    name,
    async run({ isWarmUp }) {
      const result: Record<string, number> = {};
      const bookmarks = await recordBookmarks(sql);
      for (const { figure, ask } of questions) {
        result[figure] = await timeMedianMs(() => ask(sql, bookmarks));
      }
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
