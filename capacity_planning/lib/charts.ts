import { type Chart, type ChartOption, drawChart } from './draw-chart.ts';
import type { CapacityReport } from './report-schema.ts';
import { predict } from './usl.ts';

/** Latency against what was offered, throughput with the fitted curve, and the run second by second, each an SVG. */
export function drawCharts(report: CapacityReport): Chart[] {
  return [
    drawChart('Latency against offered rate', drawLatency(report)),
    drawChart('Throughput against requests under way', drawThroughput(report)),
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
  const points = steps
    .filter(({ phase, samples }) => phase === 'measured' && samples > 0)
    .map(({ meanInFlight, completedPerSecond }) => [meanInFlight, completedPerSecond]);
  const most = Math.max(1, ...points.map(([inFlight]) => inFlight ?? 0), model?.knee?.inFlight ?? 0);
  const places = Array.from({ length: 60 }, (_, i) => (most * 1.2 * (i + 1)) / 60);
  const curve =
    model === null || model.withheld === 'bad-fit'
      ? []
      : places.map((inFlight) => [inFlight, predict(model, inFlight)]);
  return {
    xAxis: { type: 'value', name: 'requests under way', nameLocation: 'middle', nameGap: 30 },
    yAxis: { type: 'value', name: '/s' },
    series: [
      { name: 'measured', type: 'scatter', data: points },
      { name: 'fitted', type: 'line', showSymbol: false, data: curve },
    ],
  };
}

/** Requests, errors and latency of each second; `startSecond` is where the first one stands on the axis. */
export function drawTimeline({ timeline }: Pick<CapacityReport, 'timeline'>, startSecond = 0): ChartOption {
  const line = (name: string, yAxisIndex: number, read: (second: CapacityReport['timeline'][number]) => number) => ({
    ...{ name, type: 'line' as const, showSymbol: false, yAxisIndex },
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

/** Little's law turns the fitted throughput into a mean latency: what is under way, divided by what comes out. */
export function curveOfLatency(model: CapacityReport['model'], steps: CapacityReport['steps']): [number, number][] {
  if (model === null || model.withheld === 'bad-fit') return [];
  const inFlight = steps.map(({ meanInFlight }) => Math.max(0.01, meanInFlight));
  const [least, most] = [Math.min(...inFlight), Math.max(...inFlight)];
  return Array.from({ length: 60 }, (_, i) => {
    const at = least * (most / least) ** (i / 59);
    const perSecond = predict(model, at);
    return [perSecond, (at / perSecond) * 1000];
  });
}
