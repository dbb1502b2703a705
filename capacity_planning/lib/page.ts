import type { Chart } from './draw-chart.ts';
import type { Judgement } from './report-schema.ts';

export interface Table {
  title: string;
  head: string[];
  rows: string[][];
}

/** The content of a report, which is rendered to Markdown and HTML. */
export interface Page {
  verdict: Judgement['verdict'];
  headline: string;
  sentences: string[];
  tables: Table[];
  charts: Chart[];
  commands: string[];
}
