import { percentile } from '../../bench/lib/statistics.ts';
import { createRandom } from './random.ts';
import type { CapacityReport, Step } from './report-schema.ts';

export interface Difference {
  step: string;
  metric: string;
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

const metrics = { mean: undefined, p50: 0.5, p95: 0.95, p99: 0.99 } as const;
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

/** Latencies step by step. `pair` are two runs of the same thing: a change no larger than theirs is noise. */
export function compareReports(
  a: CapacityReport,
  b: CapacityReport,
  pair?: [CapacityReport, CapacityReport],
): Difference[] {
  const noise =
    pair === undefined ? undefined : new Map(compareReports(...pair).map((each) => [keyOf(each), sizeOf(each)]));
  return pairSteps(a, b).flatMap(([from, to]) =>
    Object.entries(metrics).map(([metric, share]) => {
      const difference = measure(from, to, metric, share);
      const floor = noise?.get(keyOf(difference));
      // The whole interval lies beyond the noise: what merely may be slower is none.
      const isRegression = difference.low - 1 > (floor ?? 0);
      return { ...difference, noise: floor, isRegression };
    }),
  );
}

export function renderDifferences(differences: readonly Difference[]): string {
  const head =
    '| step | metric | from ms | to ms | ratio | 95 % interval | noise | |\n|---|---|---|---|---|---|---|---|';
  const rows = differences.map(({ step, metric, from, to, ratio, low, high, noise, isRegression }) => {
    const floor = noise === undefined ? 'unknown' : `${(noise * 100).toFixed(1)} %`;
    const cells = [
      step,
      metric,
      from.toFixed(2),
      to.toFixed(2),
      ratio.toFixed(3),
      `${low.toFixed(3)} - ${high.toFixed(3)}`,
      floor,
    ];
    return `| ${[...cells, isRegression ? 'SLOWER' : ''].join(' | ')} |`;
  });
  return [head, ...rows].join('\n');
}

type Measured = Omit<Difference, 'noise' | 'isRegression'>;

function measure(from: Step, to: Step, metric: string, share: number | undefined): Measured {
  const read = (values: readonly number[]) =>
    share === undefined ? values.reduce((sum, value) => sum + value, 0) / values.length : percentile(values, share);
  const random = createRandom(from.latencySampleMs.length + to.latencySampleMs.length);
  const ratios = Array.from(
    { length: resamplings },
    () => read(resample(to.latencySampleMs, random)) / read(resample(from.latencySampleMs, random)),
  );
  const [before, after] = [read(from.latencySampleMs), read(to.latencySampleMs)];
  return {
    ...{ step: from.name, metric, from: before, to: after },
    ratio: after / before,
    low: percentile(ratios, 0.025),
    high: percentile(ratios, 0.975),
  };
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
