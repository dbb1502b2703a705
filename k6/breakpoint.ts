import { journey, prepare, routes } from './lib/journeys.ts';
import { breakpoint } from './lib/shapes.ts';
import { thresholds } from './lib/slo.ts';
import { summarize } from './lib/summary.ts';

export const options = { scenarios: breakpoint(), thresholds: thresholds(routes, true), setupTimeout: '300s' };
export const setup = prepare;
export const handleSummary = summarize;
export default journey;
