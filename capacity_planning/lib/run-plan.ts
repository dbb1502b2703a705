import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCircumstances } from '../../bench/lib/circumstances.ts';
import type { EngineResult } from '../../k6/engine/run.ts';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { tryTool } from '../../scripts/lib/run-tool.ts';
import { UserError } from '../../scripts/lib/user-error.ts';
import { buildSteps } from './build-steps.ts';
import { judgeReport } from './judge-report.ts';
import type { CapacityReport, Plan } from './report-schema.ts';
import { readSlo } from './slo.ts';
import { readTargetState } from './target-state.ts';
import { fitUsl } from './usl.ts';

export interface PlanRun {
  plan: Plan;
  baseUrl: string;
  metricsUrls: readonly string[];
  /** For what the engine keeps of every request while it is turned into the report. */
  folder: string;
  /** What the run was asked for by, as the report tells it. */
  command: string;
  threads: number;
}

/** Runs a plan against a target and judges what came out. */
export async function runPlan(run: PlanRun): Promise<CapacityReport> {
  mkdirSync(run.folder, { recursive: true });
  const scriptPath = findScript(run.plan.scenario);
  const before = await readTargetState(run.baseUrl, run.metricsUrls);
  const { result, command } = await runEngine(run, scriptPath);
  const after = await readTargetState(run.baseUrl, run.metricsUrls);
  const { commit, hasUncommittedChanges, node, machine } = readCircumstances(run.command);
  const built = buildSteps(result);
  const evidence: Omit<CapacityReport, 'judgement'> = {
    schema: 'capacity-report/v1',
    name: run.plan.name,
    startedAt: result.startedAt,
    durationSeconds: result.durationMs / 1000,
    commands: [redact(run.command), redact(command)],
    plan: run.plan,
    scriptSha256: hashScripts(scriptPath),
    ...{ commit, hasUncommittedChanges, machine },
    target: { baseUrl: run.baseUrl, before, after },
    generator: describeGenerator(result, node),
    thresholds: result.thresholds.map((each) => ({ ...each, value: each.value ?? null })),
    ...built,
    model: fitModel(built.steps),
  };
  return { ...evidence, judgement: judgeReport(evidence, readSlo()) };
}

async function runEngine({ plan, baseUrl, folder, threads }: PlanRun, scriptPath: string) {
  const out = join(folder, 'engine.json');
  const env = Object.entries({ ...plan.env, TARGET: baseUrl }).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const main = join(rootFolder, 'dist', 'k6', 'engine', 'main.js');
  const args = [main, 'run', scriptPath, '--threads', String(threads), '--out', out, ...env];
  const { code, output } = await tryTool(process.execPath, args, {
    timeoutMs: 24 * 3_600_000,
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  if (code !== 0 && code !== 99)
    throw new UserError(`Expected the load to run to its end, got exit code ${code}:\n${output}`);
  const result = JSON.parse(readFileSync(out, 'utf8')) as EngineResult;
  rmSync(out);
  return { result, command: ['node', ...args].join(' ').replaceAll(`${rootFolder}/`, '') };
}

function describeGenerator(result: EngineResult, node: string): CapacityReport['generator'] {
  const shares = result.cpu.map(({ share }) => share);
  const waits = result.cpu.map(({ waitShare }) => waitShare);
  return {
    engine: result.engine,
    node,
    threads: result.threads,
    exitCode: result.exitCode,
    arrivalLimitPerSecond: result.arrivalLimitPerSecond,
    cpuShareMean: mean(shares),
    cpuShareMax: shares.length === 0 ? null : Math.max(...shares),
    waitShareMean: mean(waits),
    memoryPeakMiB: result.memoryPeakMiB,
    latenessP99Ms: result.lateness.p99Ms ?? 0,
  };
}

/** Each measured step is a point of the curve. */
export function fitModel(steps: CapacityReport['steps']): CapacityReport['model'] {
  const points = steps
    .filter(({ phase }) => phase === 'measured')
    .map(({ meanInFlight, completedPerSecond }) => ({ inFlight: meanInFlight, perSecond: completedPerSecond }));
  return fitUsl(points) ?? null;
}

function findScript(scenario: string): string {
  return scenario.endsWith('.ts') ? scenario : join(rootFolder, 'k6', `${scenario}.ts`);
}

/** Two runs compare only if the same script made the load. */
function hashScripts(scriptPath: string): string {
  const lib = join(rootFolder, 'k6', 'lib');
  const paths = [
    scriptPath,
    ...readdirSync(lib)
      .sort()
      .map((name) => join(lib, name)),
  ];
  const hash = createHash('sha256');
  for (const path of paths) hash.update(readFileSync(path));
  return hash.digest('hex');
}

/** Nothing that opens a door is kept in a report. */
function redact(command: string): string {
  return command.replace(/((?:TOKEN|SECRET|PASSWORD|KEY)[A-Z_]*=)\S+/gi, '$1***');
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The raw figures first: everything else is made from them. */
export function keepReport(folder: string, report: CapacityReport): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'report.json');
  writeFileSync(path, `${JSON.stringify(report)}\n`);
  return path;
}
