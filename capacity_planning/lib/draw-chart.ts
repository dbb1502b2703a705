import { type EChartsOption, init } from 'echarts';

export type ChartOption = EChartsOption;

export interface Chart {
  title: string;
  svg: string;
}

const size = { width: 860, height: 340 };

/** Renders a chart to SVG, so that a page needs no script to show it. */
export function drawChart(title: string, option: ChartOption): Chart {
  const chart = init(null, null, { renderer: 'svg', ssr: true, ...size });
  const legend = { top: 0, left: 'center' };
  chart.setOption({ animation: false, grid: { left: 70, right: 70, top: 60, bottom: 50 }, legend, ...option });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return { title, svg };
}
