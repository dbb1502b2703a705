import { createRandom } from '../../k6/engine/random.ts';
import { percentile } from '../../scripts/lib/statistics.ts';
import type { CapacityReport, Step } from './report-schema.ts';

export interface Difference {
  step: string;
  metric: string;
  unit: string;
  from: number;
  to: number;
  /** `to / from`, and where it lies in 95 of 100 resamplings. */
  ratio: number;
  low: number;
  high: number;
  /** What two runs of the same thing differ by on this rig. */
  noise: number | undefined;
  isRegression: boolean;
}

/** What is read of a step: by its requests' latencies, or by how many of so many tries succeeded. */
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
const resamplings = 400;
/** Neighbours share their fate: they are drawn together. */
const blockSamples = 25;

/** Why two runs cannot be held against each other; empty when they can. */
export function findIncomparable(a: CapacityReport, b: CapacityReport): string[] {
  const differs = (what: string, from: string, to: string) => (from === to ? [] : [`${what} differs: ${from}, ${to}`]);
  return [
    ...differs('script', a.scriptSha256, b.scriptSha256),
    ...differs('data set', JSON.stringify(a.plan.env), JSON.stringify(b.plan.env)),
    ...differs('machine', describeMachine(a), describeMachine(b)),
    ...differs(
      'generator',
      `${a.generator.engine} ${a.generator.threads}`,
      `${b.generator.engine} ${b.generator.threads}`,
    ),
  ];
}

/** Latencies, throughput and successes step by step. `pair` are two runs of the same thing: a change no larger than theirs is noise. */
export function compareReports(
  a: CapacityReport,
  b: CapacityReport,
  pair?: [CapacityReport, CapacityReport],
): Difference[] {
  const noise =
    pair === undefined ? undefined : new Map(compareReports(...pair).map((each) => [keyOf(each), sizeOf(each)]));
  return pairSteps(a, b).flatMap(([from, to]) =>
    Object.entries(metrics).map(([name, metric]) => {
      const difference = { step: from.name, metric: name, unit: metric.unit, ...measure(from, to, metric) };
      const floor = noise?.get(keyOf(difference));
      // The whole interval lies beyond the noise: what merely may be worse is none.
      const worse = metric.isMoreBetter ? 1 - difference.high : difference.low - 1;
      const isRegression = worse > (floor ?? 0);
      return { ...difference, noise: floor, isRegression };
    }),
  );
}

export function renderDifferences(differences: readonly Difference[]): string {
  const head = '| step | metric | from | to | ratio | 95 % interval | noise | |\n|---|---|---|---|---|---|---|---|';
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

type Measured = Pick<Difference, 'from' | 'to' | 'ratio' | 'low' | 'high'>;

function measure(from: Step, to: Step, metric: Metric): Measured {
  const random = createRandom(from.latencySampleMs.length + to.latencySampleMs.length);
  const [before, after] = [from, to].map((step) => readOnce(step, metric)) as [number, number];
  const ratios = Array.from(
    { length: resamplings },
    () => readAgain(to, metric, random) / readAgain(from, metric, random),
  );
  return {
    ...{ from: before, to: after, ratio: after / before },
    ...{ low: percentile(ratios, 0.025), high: percentile(ratios, 0.975) },
  };
}

function readOnce(step: Step, metric: Metric): number {
  if (metric.kind === 'latency') return metric.read(step.latencySampleMs);
  const { count, per } = metric.read(step);
  return count / per;
}

/** As it might have come out had the same step been run once more. */
function readAgain(step: Step, metric: Metric, random: () => number): number {
  if (metric.kind === 'latency') return metric.read(resample(step.latencySampleMs, random));
  const { count, per, tries } = metric.read(step);
  const deviation = Math.sqrt(count * (1 - count / tries));
  return Math.max(0, count + deviation * drawNormal(random)) / per;
}

/** Of mean 0 and deviation 1 (Box and Muller). */
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
  return drawn;
}

function pairSteps(a: CapacityReport, b: CapacityReport): [Step, Step][] {
  return a.steps
    .filter(({ phase, samples }) => phase === 'measured' && samples > 0)
    .flatMap((from) =>
      b.steps.filter(({ name, samples }) => name === from.name && samples > 0).map((to): [Step, Step] => [from, to]),
    );
}

/** As large as the pair's difference may be, in either direction. */
function sizeOf({ low, high }: Measured): number {
  return Math.max(Math.abs(low - 1), Math.abs(high - 1));
}

function keyOf({ step, metric }: { step: string; metric: string }): string {
  return `${step} ${metric}`;
}

function describeMachine({ machine }: CapacityReport): string {
  return `${machine.processors} x ${machine.processor}, ${machine.memoryMiB} MiB`;
}
