import { journey, prepare, routes } from './lib/journeys.ts';
import { concurrency } from './lib/shapes.ts';
import { thresholds } from './lib/slo.ts';
import { summarize } from './lib/summary.ts';

export const options = { scenarios: concurrency(), thresholds: thresholds(routes), setupTimeout: '300s' };
export const setup = prepare;
export const handleSummary = summarize;
export default journey;
