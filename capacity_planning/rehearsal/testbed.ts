import { startS3Sink } from '../../scripts/dev/testbed/s3-sink.ts';
import { makeBenchFolder, openBenchPostgres, openBenchRedis } from '../../scripts/dev/testbed/servers.ts';
import type { Defer } from '../../scripts/lib/defer.ts';
import type { Sql } from '../../src/database/open.ts';
import type { CapacityReport } from '../lib/report-schema.ts';
import { runPlan } from '../lib/run-plan.ts';
import { type Balancer, startBalancer } from './balancer.ts';
import { type Datasets, makeDatasets } from './dataset.ts';
import { type Fleet, openFleet } from './fleet.ts';
import type { RehearsalSettings } from './settings.ts';

export interface TestContext {
  settings: RehearsalSettings;
  folder: string;
  sql: Sql;
  databasePid: number;
  balancer: Balancer;
  fleet: Fleet;
  datasets: Datasets;
  say(line: string): void;
  /** Runs a load through the balancer and returns its report. */
  load(load: Load): Promise<CapacityReport>;
}

interface Load {
  name: string;
  scenario: string;
  env: Readonly<Record<string, string>>;
  claims?: number[];
  arrivals?: 'random';
  /** Whether the instances stay the same, so that a restart makes the load INVALID. */
  isFixed?: boolean;
}

export const slots = 3;
/** 1,000 arrivals a second per thread. The number is odd, so that every thread reads rankings and votes in turn. */
const generatorThreads = 9;
const warmRequests = 5_000;
const warmAtOnce = 16;

/** Starts database, queue, balancer and an S3 sink for this run. The undo functions go to `defer`. */
export async function openTestContext(
  settings: RehearsalSettings,
  defer: Defer,
  say: (line: string) => void,
): Promise<TestContext> {
  const folder = makeBenchFolder(defer);
  const postgres = await openBenchPostgres(folder, defer);
  const redis = await openBenchRedis(folder, defer);
  const { plain } = await startS3Sink(folder, defer);
  const balancer = await startBalancer(folder, slots, defer);
  const datasets = await makeDatasets(folder, postgres.sql);
  const fleet = openFleet(
    {
      folder,
      balancer,
      slots,
      share: settings.share,
      warm: openWarmUp(datasets),
      env: { ...plain, DATABASE_URL: postgres.url, REDIS_URL: redis.url },
    },
    defer,
  );
  const command = `npm run capacity -- ${process.argv.slice(2).join(' ')}`;
  return {
    settings,
    folder,
    balancer,
    fleet,
    datasets,
    say,
    sql: postgres.sql,
    databasePid: postgres.pid,
    async load({ name, scenario, env, claims = [], arrivals = undefined, isFixed = true }) {
      const report = await runPlan({
        plan: { name, scenario, claims, ...(arrivals && { arrivals }), env: { VUS: '6000', ...env } },
        baseUrl: balancer.url,
        metricsUrls: isFixed ? fleet.serving().map(({ metricsUrl }) => metricsUrl) : [],
        folder,
        command,
        threads: generatorThreads,
        say: (line: string) => say(`  ${line}`),
      });
      // The path of the temporary folder differs in every run.
      return JSON.parse(JSON.stringify(report).replaceAll(folder, 'FOLDER')) as CapacityReport;
    },
  };
}

/** Returns a function that sends an instance rankings requests and votes, by players who vote in no other load. */
function openWarmUp(datasets: Datasets) {
  const { tokens } = datasets.next();
  let votes = 0;
  return async (port: number): Promise<void> => {
    let left = warmRequests;
    const sendNext = async () => {
      while (left > 0) {
        left -= 1;
        const isVote = left % 2 === 0;
        const path = isVote
          ? `/api/public/videos/${1 + (votes % 1_000)}/vote`
          : `/api/public/rankings?page=${1 + (left % 5)}&limit=20`;
        const token = tokens[Math.floor(votes / 1_000) % tokens.length];
        if (isVote) votes += 1;
        const headers = { authorization: `Bearer ${token}` };
        const response = await fetch(`http://127.0.0.1:${port}${path}`, isVote ? { method: 'POST', headers } : {});
        await response.arrayBuffer();
      }
    };
    await Promise.all(Array.from({ length: warmAtOnce }, sendNext));
  };
}
