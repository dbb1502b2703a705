import { median } from '../../scripts/lib/statistics.ts';
import { type Chart, type ChartOption, drawChart } from './draw-chart.ts';
import { concurrencyOf, listMeasured, thinkSecondsOf } from './load-points.ts';
import type { CapacityReport } from './report-schema.ts';
import { predict } from './usl.ts';

/** Draws latency against offered rate, throughput with the fitted curve, and the run second by second, as SVG. */
export function drawCharts(report: CapacityReport): Chart[] {
  return [
    drawChart('Latency against offered rate', drawLatency(report)),
    drawChart('Throughput against users or requests in flight', drawThroughput(report)),
    drawChart('Second by second', drawTimeline(report)),
  ];
}

function drawLatency({ steps, model }: CapacityReport): ChartOption {
  const measured = steps.filter(({ phase, latencyMs }) => phase === 'measured' && latencyMs !== null);
  const line = (name: 'p50' | 'p95' | 'p99') => ({
    name,
    type: 'line' as const,
    data: measured.map((step) => [step.offeredPerSecond ?? step.startedPerSecond, step.latencyMs?.[name] ?? 0]),
  });
  return {
    xAxis: { type: 'value', name: 'offered /s', nameLocation: 'middle', nameGap: 30, scale: true },
    yAxis: { type: 'value', name: 'ms' },
    series: [
      line('p50'),
      line('p95'),
      line('p99'),
      {
        name: 'mean, fitted',
        type: 'line',
        showSymbol: false,
        lineStyle: { type: 'dashed' },
        data: curveOfLatency(model, measured),
      },
    ],
  };
}

function drawThroughput({ steps, model }: CapacityReport): ChartOption {
  const points = listMeasured(steps).map((step) => [concurrencyOf(step), step.completedPerSecond]);
  const most = Math.max(1, ...points.map(([concurrency]) => concurrency ?? 0), model?.knee?.concurrency ?? 0);
  const concurrencies = Array.from({ length: 60 }, (_, i) => (most * 1.2 * (i + 1)) / 60);
  const curve =
    model === null || model.withheld === 'bad-fit' ? [] : concurrencies.map((each) => [each, predict(model, each)]);
  return {
    xAxis: { type: 'value', name: 'users, or requests in flight', nameLocation: 'middle', nameGap: 30 },
    yAxis: { type: 'value', name: '/s' },
    series: [
      { name: 'measured', type: 'scatter', data: points },
      { name: 'fitted', type: 'line', showSymbol: false, data: curve },
    ],
  };
}

/** Draws requests, errors and latency of each second; `startSecond` is the position of the first second on the axis. */
export function drawTimeline({ timeline }: Pick<CapacityReport, 'timeline'>, startSecond = 0): ChartOption {
  const line = (name: string, yAxisIndex: number, read: (second: CapacityReport['timeline'][number]) => number) => ({
    name,
    type: 'line' as const,
    showSymbol: false,
    yAxisIndex,
    data: timeline.map((each) => [each.second + startSecond, read(each)]),
  });
  return {
    xAxis: { type: 'value', name: 'seconds', nameLocation: 'middle', nameGap: 30 },
    yAxis: [
      { type: 'value', name: '/s' },
      { type: 'log', name: 'ms' },
    ],
    series: [
      line('requests', 0, ({ requests }) => requests),
      line('errors', 0, ({ errors }) => errors),
      line('p50', 1, ({ p50Ms }) => Math.max(0.1, p50Ms)),
      line('p99', 1, ({ p99Ms }) => Math.max(0.1, p99Ms)),
    ],
  };
}

/** Returns the fitted curve between the lowest and highest measured concurrency; empty if no curve was fitted. */
export function curveOfThroughput(model: CapacityReport['model'], steps: CapacityReport['steps']): [number, number][] {
  if (model === null || model.withheld === 'bad-fit') return [];
  const concurrencies = steps.map((step) => Math.max(0.01, concurrencyOf(step)));
  const [least, most] = [Math.min(...concurrencies), Math.max(...concurrencies)];
  return Array.from({ length: 60 }, (_, i) => {
    const at = least * (most / least) ** (i / 59);
    return [at, predict(model, at)];
  });
}

/** Below this latency the difference of two measured times is dominated by their errors. */
const leastMs = 1;

/** Converts the fitted throughput to a mean latency by Little's law: concurrency / throughput, less the think time. */
export function curveOfLatency(model: CapacityReport['model'], steps: CapacityReport['steps']): [number, number][] {
  const thinkMs = 1000 * median(steps.map(thinkSecondsOf));
  return curveOfThroughput(model, steps)
    .map(([at, perSecond]): [number, number] => [perSecond, (at / perSecond) * 1000 - thinkMs])
    .filter(([, ms]) => ms >= leastMs);
}
