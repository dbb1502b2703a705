import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { UserError } from '../../scripts/lib/user-error.ts';
import { checkReport } from '../lib/read-report.ts';
import { writePage } from '../lib/render.ts';
import type { CapacityReport } from '../lib/report-schema.ts';
import { pickWorker, readWorkerMatrix, workerResultPath } from '../lib/worker-capacity.ts';
import { describeRehearsal } from './describe-rehearsal.ts';
import { drawRehearsal } from './draw-rehearsal.ts';
import { readDemand, readPrices } from './inputs.ts';
import { judgeRehearsal } from './judge-rehearsal.ts';
import { recommend, toCloudFormation } from './recommend.ts';
import { RehearsalReport } from './rehearsal-schema.ts';

const validate = new Ajv().compile<RehearsalReport>(RehearsalReport);
/** Latencies kept per step. These reports are committed, and no comparison uses their latencies. */
const keptLatencies = 100;

/** Writes the raw figures and everything rendered from them, and returns the paths. */
export function keepRehearsal(folder: string, report: RehearsalReport, loads: readonly CapacityReport[]): string[] {
  const raw = join(folder, 'rehearsal.json');
  writeFileSync(raw, `${JSON.stringify(report)}\n`);
  const kept = loads.map((load) => {
    const path = join(folder, `load-${load.name}.json`);
    writeFileSync(path, `${JSON.stringify(thin(load))}\n`);
    return path;
  });
  return [raw, ...kept, ...renderRehearsal(folder)];
}

export function isRehearsal(folder: string): boolean {
  return existsSync(join(folder, 'rehearsal.json'));
}

/** Renders page, Markdown, configuration and CloudFormation parameters by the current rules, prices and demand. */
export function renderRehearsal(folder: string): string[] {
  const { judgement: _old, ...evidence } = readRehearsal(folder);
  const report = { ...evidence, judgement: judgeRehearsal(evidence) };
  const demand = readDemand();
  const matrix = existsSync(workerResultPath) ? readWorkerMatrix(readFileSync(workerResultPath, 'utf8')) : [];
  const advice = recommend(report, demand, readPrices(), pickWorker(matrix, demand.uploadMegabytes));
  const write = (name: string, value: unknown) => {
    const path = join(folder, name);
    writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
    return path;
  };
  const page = { ...describeRehearsal(report, advice), charts: drawRehearsal(report, readLoads(folder)) };
  return [
    write('configuration.json', advice),
    ...(report.judgement.verdict === 'INVALID'
      ? []
      : [write('cloudformation-parameters.json', toCloudFormation(advice))]),
    ...writePage(folder, page),
  ];
}

export function readRehearsal(folder: string): RehearsalReport {
  const path = join(folder, 'rehearsal.json');
  const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
  if (validate(value)) return value;
  const [error] = validate.errors ?? [];
  throw new UserError(`Expected ${path} to be a rehearsal-report/v1, got ${error?.instancePath} ${error?.message}.`);
}

function readLoads(folder: string): CapacityReport[] {
  return readdirSync(folder)
    .filter((name) => /^load-.*\.json$/.test(name))
    .sort()
    .map((name) => checkReport(JSON.parse(readFileSync(join(folder, name), 'utf8')), join(folder, name)));
}

function thin(load: CapacityReport): CapacityReport {
  const keep = (values: number[]) => values.filter((_, i) => i % Math.ceil(values.length / keptLatencies) === 0);
  return {
    ...load,
    steps: load.steps.map((step) => ({ ...step, latencySampleMs: keep(step.latencySampleMs) })),
  };
}
