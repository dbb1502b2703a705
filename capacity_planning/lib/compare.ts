import { createRandom } from '../../k6/engine/random.ts';
import { percentile } from '../../scripts/lib/statistics.ts';
import { listMeasured } from './load-points.ts';
import type { CapacityReport, Step } from './report-schema.ts';

export interface Difference {
  step: string;
  metric: string;
  unit: string;
  from: number;
  to: number;
  /** `to / from` with its interval. All intervals of a comparison together hold in 95 of 100 cases. */
  ratio: number;
  low: number;
  high: number;
  /** The largest difference between two baseline repeats on this testbed. */
  noise: number | undefined;
  isRegression: boolean;
}

/** A figure of a step: a statistic of its latencies, or a count with the number of tries. */
type Metric = { unit: string; isMoreBetter: boolean } & (
  | { kind: 'latency'; read(values: readonly number[]): number }
  | { kind: 'count'; read(step: Step): { count: number; per: number; tries: number } }
);

const latency = (read: (values: readonly number[]) => number) =>
  ({ kind: 'latency', unit: 'ms', isMoreBetter: false, read }) as const;

const metrics: Record<string, Metric> = {
  mean: latency((values) => values.reduce((sum, value) => sum + value, 0) / values.length),
  p50: latency((values) => percentile(values, 0.5)),
  p95: latency((values) => percentile(values, 0.95)),
  p99: latency((values) => percentile(values, 0.99)),
  completed: {
    kind: 'count',
    unit: '/s',
    isMoreBetter: true,
    read: (step) => ({
      count: step.completedPerSecond * step.seconds,
      per: step.seconds,
      tries: Number.POSITIVE_INFINITY,
    }),
  },
  succeeded: {
    kind: 'count',
    unit: 'of 1',
    isMoreBetter: true,
    read: ({ samples, errorShare }) => ({ count: samples * (1 - errorShare), per: samples, tries: samples }),
  },
};
const resamplings = 1000;
/** The error probability of all intervals of a comparison together; when noise is measured, of each interval. */
const errorProbability = 0.05;
/** Consecutive requests are correlated, so the bootstrap draws them in blocks. */
const blockSamples = 25;

/** Lists why two runs cannot be compared; empty if they can. */
export function findIncomparable(a: CapacityReport, b: CapacityReport): string[] {
  const differs = (what: string, from: string, to: string) => (from === to ? [] : [`${what} differs: ${from}, ${to}`]);
  return [
    ...differs('script', a.scriptSha256, b.scriptSha256),
    ...differs('data set or settings', JSON.stringify(a.plan.env), JSON.stringify(b.plan.env)),
    ...differs('machine', describeMachine(a), describeMachine(b)),
    ...differs(
      'generator',
      `${a.generator.engine} ${a.generator.threads}`,
      `${b.generator.engine} ${b.generator.threads}`,
    ),
  ];
}

/**
 * Compares latencies, throughput and successes step by step. `repeats` are two or more runs of the same build: a change that is
 * not larger than the difference of any two of them is noise.
 */
export function compareReports(
  a: CapacityReport,
  b: CapacityReport,
  repeats: readonly CapacityReport[] = [],
): Difference[] {
  const noise = measureNoise(repeats);
  // Among many figures, one lies outside its interval by chance: the error probability is divided among them.
  const figures = pairSteps(a, b).length * Object.keys(metrics).length;
  return measureSteps(a, b, errorProbability / Math.max(1, figures)).map((measured) => {
    const floor = noise.get(keyOf(measured));
    // A regression requires the whole interval to lie beyond the noise.
    const worse = metrics[measured.metric]?.isMoreBetter ? 1 - measured.high : measured.low - 1;
    return { ...measured, noise: floor, isRegression: floor !== undefined && worse > floor };
  });
}

/** Returns the largest difference of any two repeats, in either direction, by step and metric. */
function measureNoise(repeats: readonly CapacityReport[]): Map<string, number> {
  const noise = new Map<string, number>();
  const couples = repeats.flatMap((first, i) => repeats.slice(i + 1).map((second) => [first, second] as const));
  for (const each of couples.flatMap(([first, second]) => measureSteps(first, second, errorProbability))) {
    const size = Math.max(Math.abs(each.low - 1), Math.abs(each.high - 1));
    noise.set(keyOf(each), Math.max(size, noise.get(keyOf(each)) ?? 0));
  }
  return noise;
}

type Measured = Omit<Difference, 'noise' | 'isRegression'>;

function measureSteps(a: CapacityReport, b: CapacityReport, probability: number): Measured[] {
  return pairSteps(a, b).flatMap(([from, to]) => measure(from, to, probability / 2));
}

/** Lists steps that the first run reached and the second did not. */
export function findUnreached(a: CapacityReport, b: CapacityReport): string[] {
  const reached = new Set(listMeasured(b.steps).map(({ name }) => name));
  return listMeasured(a.steps)
    .map(({ name }) => name)
    .filter((name) => !reached.has(name));
}

export function renderDifferences(differences: readonly Difference[]): string {
  const head = '| step | metric | from | to | ratio | interval | noise | |\n|---|---|---|---|---|---|---|---|';
  const rows = differences.map(({ step, metric, unit, from, to, ratio, low, high, noise, isRegression }) => {
    const floor = noise === undefined ? 'unknown' : `${(noise * 100).toFixed(1)} %`;
    const cells = [
      step,
      `${metric} ${unit}`,
      from.toFixed(unit === 'ms' ? 2 : 3),
      to.toFixed(unit === 'ms' ? 2 : 3),
      ratio.toFixed(3),
      `${low.toFixed(3)} - ${high.toFixed(3)}`,
      floor,
    ];
    return `| ${[...cells, isRegression ? 'WORSE' : ''].join(' | ')} |`;
  });
  return [head, ...rows].join('\n');
}

function measure(from: Step, to: Step, tail: number): Measured[] {
  const random = createRandom(from.latencySampleMs.length + to.latencySampleMs.length);
  const draws = Array.from({ length: resamplings }, () => [drawSample(from, random), drawSample(to, random)] as const);
  return Object.entries(metrics).map(([name, metric]) => {
    const [before, after] = [readOnce(from, metric), readOnce(to, metric)];
    const ratios = draws.map(([one, other]) => (other[name] ?? Number.NaN) / (one[name] ?? Number.NaN));
    const [low, high] = [percentile(ratios, tail), percentile(ratios, 1 - tail)];
    return {
      step: from.name,
      metric: name,
      unit: metric.unit,
      from: before,
      to: after,
      ratio: after / before,
      low,
      high,
    };
  });
}

function readOnce(step: Step, metric: Metric): number {
  if (metric.kind === 'latency') return metric.read(step.latencySampleMs);
  const { count, per } = metric.read(step);
  return count / per;
}

/** Draws one bootstrap sample of each metric, as another run of the same step might have measured it. */
function drawSample(step: Step, random: () => number): Record<string, number> {
  const latencies = resample(step.latencySampleMs, random);
  const read = Object.entries(metrics).map(([name, metric]): [string, number] => {
    if (metric.kind === 'latency') return [name, metric.read(latencies)];
    const { count, per, tries } = metric.read(step);
    const deviation = Math.sqrt(count * (1 - count / tries));
    return [name, Math.max(0, count + deviation * drawNormal(random)) / per];
  });
  return Object.fromEntries(read);
}

/** Draws from the standard normal distribution (Box-Muller). */
function drawNormal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

function resample(values: readonly number[], random: () => number): number[] {
  const size = Math.min(blockSamples, values.length);
  const drawn: number[] = [];
  while (drawn.length < values.length) {
    const start = Math.floor(random() * (values.length - size + 1));
    for (let i = start; i < start + size; i += 1) drawn.push(values[i] ?? Number.NaN);
  }
  // Sorted once, so that each percentile sorts cheaply.
  return Array.from(Float64Array.from(drawn).sort());
}

function pairSteps(a: CapacityReport, b: CapacityReport): [Step, Step][] {
  const others = listMeasured(b.steps);
  return listMeasured(a.steps).flatMap((from) =>
    others.filter(({ name }) => name === from.name).map((to): [Step, Step] => [from, to]),
  );
}

function keyOf({ step, metric }: { step: string; metric: string }): string {
  return `${step} ${metric}`;
}

function describeMachine({ machine }: CapacityReport): string {
  return `${machine.processors} x ${machine.processor}, ${machine.memoryMiB} MiB`;
}
