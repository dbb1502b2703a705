import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineResult } from '../../k6/engine/run.ts';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { readRunMetadata } from '../../scripts/lib/run-metadata.ts';
import { buildSteps } from './build-steps.ts';
import { judgeReport } from './judge-report.ts';
import { listPoints } from './load-points.ts';
import { findScript } from './read-plan.ts';
import type { CapacityReport, Plan } from './report-schema.ts';
import { runEngine } from './run-engine.ts';
import { readSlo } from './slo.ts';
import { readTargetState } from './target-state.ts';
import { fitUsl } from './usl.ts';

export interface PlanRun {
  plan: Plan;
  baseUrl: string;
  metricsUrls: readonly string[];
  /** The folder for the engine's result until it is converted to the report. */
  folder: string;
  /** The command that the report shows. */
  command: string;
  threads: number;
  say(line: string): void;
}

/** Runs a plan against a target and returns the report with its verdict. */
export async function runPlan(run: PlanRun): Promise<CapacityReport> {
  const scriptPath = findScript(run.plan.scenario);
  const before = await readTargetState(run.baseUrl, run.metricsUrls);
  mkdirSync(run.folder, { recursive: true });
  const env = { ...run.plan.env, TARGET: run.baseUrl };
  const { result, command } = await runEngine({ ...run, ...run.plan, scriptPath, env });
  const after = await readTargetState(run.baseUrl, run.metricsUrls);
  const { commit, hasUncommittedChanges, node, machine } = readRunMetadata(run.command);
  const built = buildSteps(result);
  const evidence: Omit<CapacityReport, 'judgement'> = {
    schema: 'capacity-report/v1',
    name: run.plan.name,
    startedAt: result.startedAt,
    durationSeconds: result.durationMs / 1000,
    commands: [redact(run.command), redact(command)],
    plan: { ...run.plan, env: redactValues(run.plan.env) },
    scriptSha256: hashScripts(scriptPath),
    commit,
    hasUncommittedChanges,
    machine,
    target: { baseUrl: run.baseUrl, before, after },
    generator: describeGenerator(result, node),
    thresholds: result.thresholds.map((each) => ({ ...each, value: each.value ?? null })),
    ...built,
    model: fitUsl(listPoints(built.steps)) ?? null,
  };
  return { ...evidence, judgement: judgeReport(evidence, readSlo()) };
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
    cpuShareMax: max(shares),
    cpuBusyShareMax: max(result.cpu.map(({ share, waitShare }) => share / Math.max(share, 1 - waitShare))),
    waitShareMean: mean(waits),
    memoryPeakMiB: result.memoryPeakMiB,
    latenessP99Ms: result.lateness.p99Ms ?? 0,
  };
}

/** Only runs of the same scripts can be compared. */
function hashScripts(scriptPath: string): string {
  const lib = join(rootFolder, 'k6', 'lib');
  const names = readdirSync(lib).sort();
  const hash = createHash('sha256');
  for (const path of [scriptPath, ...names.map((name) => join(lib, name))]) hash.update(readFileSync(path));
  return hash.digest('hex');
}

/** Removes secrets, which a report must not contain. */
function redact(command: string): string {
  return command.replace(/([A-Z_]*(?:TOKEN|SECRET|PASSWORD|KEY)[A-Z_]*=)\S+/gi, '$1***');
}

function redactValues(env: Readonly<Record<string, string>>): Record<string, string> {
  const isSecret = (name: string) => /TOKEN|SECRET|PASSWORD|KEY/i.test(name);
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, isSecret(name) ? '***' : value]));
}

function max(values: readonly number[]): number | null {
  return values.length === 0 ? null : Math.max(...values);
}

function mean(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Writes the raw figures, from which everything else is rendered. */
export function keepReport(folder: string, report: CapacityReport): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'report.json');
  writeFileSync(path, `${JSON.stringify(report)}\n`);
  return path;
}
