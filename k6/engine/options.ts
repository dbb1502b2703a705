import { parseDuration } from './durations.ts';
import { refuse } from './exit-codes.ts';
import type { RateStage } from './schedule.ts';
import { parseThreshold, type Threshold } from './thresholds.ts';

interface CommonSpec {
  name: string;
  exec: string;
  startTimeMs: number;
  gracefulStopMs: number;
  durationMs: number;
  tags: Readonly<Record<string, string>>;
  env: Readonly<Record<string, string>>;
  maxVus: number;
}

export interface ArrivalSpec extends CommonSpec {
  executor: 'constant-arrival-rate' | 'ramping-arrival-rate';
  stages: readonly RateStage[];
  preAllocatedVus: number;
}

export interface LoopSpec extends CommonSpec {
  executor: 'constant-vus';
}

export type ScenarioSpec = ArrivalSpec | LoopSpec;

export interface RunOptions {
  scenarios: readonly ScenarioSpec[];
  thresholds: readonly Threshold[];
  trendStats: readonly string[];
  discardsBodies: boolean;
  setupTimeoutMs: number;
  teardownTimeoutMs: number;
  tags: Readonly<Record<string, string>>;
}

type Raw = Readonly<Record<string, unknown>>;

const known = [
  'scenarios',
  'thresholds',
  'summaryTrendStats',
  'discardResponseBodies',
  'setupTimeout',
  'teardownTimeout',
  'tags',
];
const common = ['executor', 'exec', 'startTime', 'gracefulStop', 'tags', 'env'];
const ofExecutor: Readonly<Record<string, readonly string[]>> = {
  'constant-arrival-rate': ['rate', 'timeUnit', 'duration', 'preAllocatedVUs', 'maxVUs'],
  'ramping-arrival-rate': ['startRate', 'timeUnit', 'stages', 'preAllocatedVUs', 'maxVUs'],
  'constant-vus': ['vus', 'duration'],
};

/** Checks the `options` of a scenario file. Unknown names are rejected. */
export function readOptions(raw: Raw): RunOptions {
  checkNames(raw, known, 'The option');
  const scenarios = Object.entries((raw['scenarios'] ?? {}) as Record<string, Raw>).map(readScenario);
  if (scenarios.length === 0) throw refuse('A script without options.scenarios', 'name its scenarios');
  const thresholds = Object.entries((raw['thresholds'] ?? {}) as Record<string, unknown[]>).flatMap(([metric, list]) =>
    list.map((each) => parseThreshold(metric, each)),
  );
  return {
    scenarios,
    thresholds,
    trendStats: (raw['summaryTrendStats'] as string[] | undefined) ?? ['avg', 'min', 'med', 'max', 'p(90)', 'p(95)'],
    discardsBodies: raw['discardResponseBodies'] === true,
    setupTimeoutMs: parseDuration(raw['setupTimeout'] ?? '60s', 'setupTimeout'),
    teardownTimeoutMs: parseDuration(raw['teardownTimeout'] ?? '60s', 'teardownTimeout'),
    tags: (raw['tags'] as Record<string, string> | undefined) ?? {},
  };
}

function readScenario([name, raw]: [string, Raw]): ScenarioSpec {
  const executor = String(raw['executor']);
  const own = ofExecutor[executor];
  if (own === undefined) throw refuse(`The executor ${executor} of scenario ${name}`);
  checkNames(raw, [...common, ...own], `In scenario ${name} the option`);
  const base = {
    name,
    exec: String(raw['exec'] ?? 'default'),
    startTimeMs: parseDuration(raw['startTime'] ?? '0s', `startTime of ${name}`),
    gracefulStopMs: parseDuration(raw['gracefulStop'] ?? '30s', `gracefulStop of ${name}`),
    tags: (raw['tags'] as Record<string, string> | undefined) ?? {},
    env: (raw['env'] as Record<string, string> | undefined) ?? {},
  };
  if (executor === 'constant-vus') {
    const maxVus = readCount(raw['vus'] ?? 1, `vus of ${name}`);
    return { ...base, executor, maxVus, durationMs: readLength(raw['duration'], `duration of ${name}`) };
  }
  const stages = executor === 'constant-arrival-rate' ? readConstant(raw, name) : readStages(raw, name);
  const preAllocatedVus = readCount(raw['preAllocatedVUs'], `preAllocatedVUs of ${name}`);
  return {
    ...base,
    executor: executor as ArrivalSpec['executor'],
    stages,
    durationMs: stages.reduce((sum, stage) => sum + stage.durationMs, 0),
    preAllocatedVus,
    maxVus: Math.max(preAllocatedVus, readCount(raw['maxVUs'] ?? preAllocatedVus, `maxVUs of ${name}`)),
  };
}

function readConstant(raw: Raw, name: string): RateStage[] {
  const rate =
    readCount(raw['rate'], `rate of ${name}`) / parseDuration(raw['timeUnit'] ?? '1s', `timeUnit of ${name}`);
  return [{ durationMs: readLength(raw['duration'], `duration of ${name}`), fromRate: rate, toRate: rate }];
}

function readStages(raw: Raw, name: string): RateStage[] {
  const unitMs = parseDuration(raw['timeUnit'] ?? '1s', `timeUnit of ${name}`);
  let rate = Number(raw['startRate'] ?? 0) / unitMs;
  return ((raw['stages'] ?? []) as Raw[]).map((stage) => {
    checkNames(stage, ['duration', 'target'], `In a stage of scenario ${name} the option`);
    const fromRate = rate;
    rate = Number(stage['target']) / unitMs;
    return { durationMs: parseDuration(stage['duration'], `a stage of ${name}`), fromRate, toRate: rate };
  });
}

/** A load of zero length would measure nothing and pass. */
function readLength(value: unknown, what: string): number {
  const ms = parseDuration(value, what);
  if (ms > 0) return ms;
  throw refuse(`${what} = ${JSON.stringify(value)}`, 'expected a time above 0');
}

function readCount(value: unknown, what: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value > 0) return value;
  throw refuse(`${what} = ${JSON.stringify(value)}`, 'expected a whole number above 0');
}

function checkNames(raw: Raw, names: readonly string[], what: string): void {
  const unknown = Object.keys(raw).find((name) => !names.includes(name));
  if (unknown !== undefined) throw refuse(`${what} ${unknown}`);
}
