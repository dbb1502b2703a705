import type { Chart } from './draw-chart.ts';
import type { Judgement } from './report-schema.ts';

export interface Table {
  title: string;
  head: string[];
  rows: string[][];
}

/** What a report says; Markdown and HTML only dress it. */
export interface Page {
  verdict: Judgement['verdict'];
  headline: string;
  sentences: string[];
  tables: Table[];
  charts: Chart[];
  commands: string[];
}
