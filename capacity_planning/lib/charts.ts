import { type EChartsOption, init } from 'echarts';
import type { CapacityReport } from './report-schema.ts';
import { predict } from './usl.ts';

const size = { width: 860, height: 340 };

/** Latency against what was offered, throughput with the fitted curve, and the run second by second, each an SVG. */
export function drawCharts(report: CapacityReport): { title: string; svg: string }[] {
  const charts = [
    { title: 'Latency against offered rate', option: drawLatency(report) },
    { title: 'Throughput against requests under way', option: drawThroughput(report) },
    { title: 'Second by second', option: drawTimeline(report) },
  ];
  return charts.map(({ title, option }) => ({ title, svg: render(option) }));
}

function render(option: EChartsOption): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, ...size });
  chart.setOption({ animation: false, grid: { left: 70, right: 70, top: 50, bottom: 50 }, ...option });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

function drawLatency({ steps }: CapacityReport): EChartsOption {
  const measured = steps.filter(({ phase, latencyMs }) => phase === 'measured' && latencyMs !== null);
  const line = (name: 'p50' | 'p95' | 'p99') => ({
    name,
    type: 'line' as const,
    data: measured.map((step) => [step.offeredPerSecond ?? step.startedPerSecond, step.latencyMs?.[name] ?? 0]),
  });
  return {
    legend: {},
    xAxis: { type: 'value', name: 'offered /s', nameLocation: 'middle', nameGap: 30, scale: true },
    yAxis: { type: 'value', name: 'ms' },
    series: [line('p50'), line('p95'), line('p99')],
  };
}

function drawThroughput({ steps, model }: CapacityReport): EChartsOption {
  const points = steps
    .filter(({ phase }) => phase === 'measured')
    .map(({ meanInFlight, completedPerSecond }) => [meanInFlight, completedPerSecond]);
  const most = Math.max(1, ...points.map(([inFlight]) => inFlight ?? 0), model?.knee?.inFlight ?? 0);
  const places = Array.from({ length: 60 }, (_, i) => (most * 1.2 * (i + 1)) / 60);
  const curve =
    model === null || model.withheld === 'bad-fit'
      ? []
      : places.map((inFlight) => [inFlight, predict(model, inFlight)]);
  return {
    legend: {},
    xAxis: { type: 'value', name: 'requests under way', nameLocation: 'middle', nameGap: 30 },
    yAxis: { type: 'value', name: '/s' },
    series: [
      { name: 'measured', type: 'scatter', data: points },
      { name: 'fitted', type: 'line', showSymbol: false, data: curve },
    ],
  };
}

function drawTimeline({ timeline }: CapacityReport): EChartsOption {
  const line = (name: string, yAxisIndex: number, read: (second: CapacityReport['timeline'][number]) => number) => ({
    name,
    type: 'line' as const,
    showSymbol: false,
    yAxisIndex,
    data: timeline.map((each) => [each.second, read(each)]),
  });
  return {
    legend: {},
    xAxis: { type: 'value', name: 'seconds', nameLocation: 'middle', nameGap: 30 },
    yAxis: [
      { type: 'value', name: '/s' },
      { type: 'value', name: 'ms' },
    ],
    series: [
      line('requests', 0, ({ requests }) => requests),
      line('errors', 0, ({ errors }) => errors),
      line('p50', 1, ({ p50Ms }) => p50Ms),
      line('p99', 1, ({ p99Ms }) => p99Ms),
    ],
  };
}
