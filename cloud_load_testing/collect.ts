import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readReport } from '../capacity_planning/lib/read-report.ts';
import { makePage, writePage } from '../capacity_planning/lib/render.ts';
import type { CapacityReport } from '../capacity_planning/lib/report-schema.ts';
import { keepReport } from '../capacity_planning/lib/run-plan.ts';
import { runCommand } from '../scripts/lib/run-command.ts';
import { runTool } from '../scripts/lib/run-tool.ts';
import { type JobCounts, readJobs } from './lib/jobs.ts';
import {
  describeSeries,
  listQueries,
  type MetricResponse,
  periodSeconds,
  readSeries,
  toRequest,
} from './lib/metrics.ts';

interface Stack {
  StackName: string;
  Parameters: { ParameterKey: string; ParameterValue: string }[];
  Outputs: { OutputKey: string; OutputValue: string }[];
}

/** Parameters with personal data. They do not affect a figure, and results are public. */
const personal = ['AlarmEmail', 'CertificateArn', 'ReleaseBucket', 'SshAddress'];

/**
 * `collect --folder FOLDER --scenario NAME --settle SECONDS` reads the CloudWatch metrics of the run whose report lies in FOLDER,
 * adds them to the report and writes facts.json. It uses the AWS CLI, as `run` does.
 */
await runCommand('collect --folder FOLDER --scenario NAME --settle SECONDS', async () => {
  const { values } = parseArgs({
    options: { folder: { type: 'string' }, scenario: { type: 'string' }, settle: { type: 'string' } },
  });
  const { folder = '', scenario = '', settle = '0' } = values;
  const report = readReport(folder);
  const stack = readStack(folder);
  const window = findWindow(report, Number(settle));
  const queries = listQueries({
    // CloudWatch uses the last part of each ARN: app/NAME/ID and targetgroup/NAME/ID.
    balancer: stack.outputs['BalancerArn']?.split(':loadbalancer/')[1] ?? '',
    targetGroup: stack.outputs['TargetGroupArn']?.split(':').at(-1) ?? '',
    webGroup: stack.outputs['WebGroupName'] ?? '',
    workerGroup: stack.outputs['WorkerGroupName'] ?? '',
    database: stack.outputs['DatabaseName'] ?? '',
  });
  const series = readSeries(
    queries,
    await getMetrics<MetricResponse>(folder, toRequest(queries, window.from, window.to)),
  );
  const jobs = scenario === 'worker' ? await countJobs(stack.name, window) : undefined;
  const observations = [describeSeries(series), ...(jobs === undefined ? [] : [describeJobs(jobs)])];
  const complete: CapacityReport = { ...report, observations };
  keepReport(folder, complete);
  writePage(folder, makePage(complete));
  const facts = {
    schema: 'cloud-load-facts/v1',
    scenario,
    ...window,
    stack: { name: stack.name, parameters: stack.parameters },
    plan: report.plan,
    generator: { ...report.generator, machine: report.machine },
    verdict: report.judgement.verdict,
    cloudWatch: { periodSeconds, series },
    ...(jobs === undefined ? {} : { jobs }),
  };
  writeFileSync(join(folder, 'facts.json'), `${JSON.stringify(facts, null, 1)}\n`);
  rmSync(join(folder, 'stack.json'));
  return 0;
});

function readStack(folder: string) {
  const text = readFileSync(join(folder, 'stack.json'), 'utf8');
  const [stack] = (JSON.parse(text) as { Stacks: Stack[] }).Stacks;
  if (stack === undefined) throw new Error('Expected stack.json to hold a stack, got none');
  const parameters = stack.Parameters.filter(({ ParameterKey }) => !personal.includes(ParameterKey)).map(
    ({ ParameterKey, ParameterValue }) => [ParameterKey, ParameterValue],
  );
  const outputs = stack.Outputs.map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue]);
  return {
    name: stack.StackName,
    parameters: Object.fromEntries(parameters) as Record<string, string>,
    outputs: Object.fromEntries(outputs) as Record<string, string>,
  };
}

/** Returns the run's start and end in whole minutes, the resolution of CloudWatch. */
function findWindow(report: CapacityReport, settleSeconds: number): { from: string; to: string } {
  const startMs = Date.parse(report.startedAt);
  const minuteMs = periodSeconds * 1000;
  const from = Math.floor(startMs / minuteMs) * minuteMs;
  const to = Math.ceil((startMs + (report.durationSeconds + settleSeconds) * 1000) / minuteMs) * minuteMs;
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
}

async function getMetrics<T>(folder: string, request: object): Promise<T> {
  const path = join(folder, 'queries.json');
  writeFileSync(path, JSON.stringify(request));
  try {
    return await aws<T>('cloudwatch', 'get-metric-data', '--cli-input-json', `file://${path}`);
  } finally {
    rmSync(path);
  }
}

/** Counts the outcomes of videos in the worker's log. */
async function countJobs(stackName: string, { from, to }: { from: string; to: string }): Promise<JobCounts> {
  const { events } = await aws<{ events: { timestamp: number; message: string }[] }>(
    'logs',
    'filter-log-events',
    `--log-group-name=/anb/${stackName}/worker`,
    '--filter-pattern="video"',
    `--start-time=${Date.parse(from)}`,
    `--end-time=${Date.parse(to)}`,
  );
  return readJobs(events);
}

function describeJobs({ processed, failed, perMinute }: JobCounts) {
  const rows = perMinute.map(({ minute, count }) => [minute, String(count)]);
  return {
    title: `Videos of the worker: ${processed} processed, ${failed} failed`,
    head: ['minute', 'processed'],
    rows,
  };
}

async function aws<T>(...args: string[]): Promise<T> {
  const { stdout } = await runTool('aws', [...args, '--output', 'json']);
  return JSON.parse(stdout) as T;
}
