import { curveOfLatency, curveOfThroughput, drawTimeline } from '../lib/charts.ts';
import { type Chart, type ChartOption, drawChart } from '../lib/draw-chart.ts';
import { concurrencyOf, listMeasured } from '../lib/load-points.ts';
import type { CapacityReport } from '../lib/report-schema.ts';
import type { RehearsalReport } from './rehearsal-schema.ts';

/** Draws latency and throughput of the fixed fleets with their curves, and the autoscaling phase. */
export function drawRehearsal({ scaling, fixedSizes }: RehearsalReport, loads: readonly CapacityReport[]): Chart[] {
  const curves = loads.filter(({ name }) => name.startsWith('curve-of-'));
  return [
    drawChart('Latency (p99, and the fitted mean) against rate', drawLatency(curves, fixedSizes)),
    drawChart('Throughput against users, with the fitted curve', drawThroughput(curves)),
    drawChart('Autoscaling: load and latency', drawTimeline(scaling, scaling.loadStartsAtSecond)),
    drawChart('Autoscaling: CPU and instances', drawController(scaling)),
  ];
}

const colors = ['#3366cc', '#dc6b19', '#2a7d3f'];
const offeredAxis = { type: 'value', name: 'offered /s', nameLocation: 'middle', nameGap: 30 } as const;

function drawLatency(curves: readonly CapacityReport[], sizes: RehearsalReport['fixedSizes']): ChartOption {
  return {
    xAxis: offeredAxis,
    yAxis: { type: 'log', name: 'ms' },
    series: sizes.flatMap(({ instances, rates }, i) => {
      const color = colors[i % colors.length] ?? 'black';
      const data = rates.map(({ offeredPerSecond, p99Ms }) => [offeredPerSecond, p99Ms]);
      const { model = null, steps = [] } = curves[i] ?? {};
      return [
        { name: nameOf(instances), type: 'line' as const, color, data },
        ...fittedLine(`${nameOf(instances)}, mean`, color, curveOfLatency(model, listMeasured(steps))),
      ];
    }),
  };
}

function drawThroughput(curves: readonly CapacityReport[]): ChartOption {
  return {
    xAxis: { type: 'log', name: 'users', nameLocation: 'middle', nameGap: 30 },
    yAxis: { type: 'value', name: '/s' },
    series: curves.flatMap(({ steps, model }, i) => {
      const name = nameOf(i + 1);
      const color = colors[i % colors.length] ?? 'black';
      const measured = listMeasured(steps);
      const points = measured.map((step) => [concurrencyOf(step), step.completedPerSecond]);
      return [
        { name, type: 'scatter' as const, color, data: points },
        ...fittedLine(name, color, curveOfThroughput(model, measured)),
      ];
    }),
  };
}

/** Returns no series if no curve was fitted, so that the legend does not list one. */
function fittedLine(name: string, color: string, data: [number, number][]) {
  const line = { name: `${name}, fitted`, type: 'line' as const, color, showSymbol: false, data };
  return data.length === 0 ? [] : [{ ...line, lineStyle: { type: 'dashed' as const } }];
}

function drawController({ periods }: RehearsalReport['scaling']): ChartOption {
  const line = (name: string, yAxisIndex: number, read: (period: (typeof periods)[number]) => number) => ({
    name,
    type: 'line' as const,
    step: 'end' as const,
    showSymbol: false,
    yAxisIndex,
    data: periods.map((period) => [period.second, read(period)]),
  });
  return {
    xAxis: { type: 'value', name: 'seconds', nameLocation: 'middle', nameGap: 30 },
    yAxis: [
      { type: 'value', name: 'CPU %', max: 110 },
      { type: 'value', name: 'instances', min: 0, max: 4 },
    ],
    series: [
      line('CPU of serving instances', 0, ({ cpuShare }) => Math.round(cpuShare * 100)),
      line('serving', 1, ({ serving }) => serving),
      line('present', 1, ({ present }) => present),
    ],
  };
}

function nameOf(instances: number): string {
  return instances === 1 ? '1 instance' : `${instances} instances`;
}
