import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CapacityReport } from '../../capacity_planning/lib/report-schema.ts';
import { runPlan } from '../../capacity_planning/lib/run-plan.ts';

type Scope = { teardown(undo: () => unknown): void };

export interface Testbed {
  url: string;
  metricsUrls?: string[];
  /** Source text of `options.scenarios`. */
  scenarios: string;
  claims?: number[];
  /** Source text that runs in every iteration before its request. */
  before?: string;
  thresholds?: string;
  env?: Record<string, string>;
}

export function makeFolder(t: Scope): string {
  const folder = mkdtempSync(join(tmpdir(), 'capacity-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs the engine in its own process against a server of the test, as the command does. */
export async function runTestbed(
  t: Scope,
  { url, metricsUrls = [], scenarios, claims = [], before = '', thresholds = '{}', env = {} }: Testbed,
): Promise<CapacityReport> {
  const folder = makeFolder(t);
  const scenario = join(folder, 'scenario.ts');
  writeFileSync(
    scenario,
    `import http from 'k6/http';
export const options = { scenarios: ${scenarios}, thresholds: ${thresholds} };
export default async () => { ${before} await http.asyncRequest('GET', __ENV['TARGET'] + '/work', null, { tags: { name: 'work' } }); };
`,
  );
  return runPlan({
    plan: { name: 'testbed', scenario, claims, env },
    baseUrl: url,
    metricsUrls,
    folder,
    command: 'test',
    threads: 1,
    say: () => undefined,
  });
}

/** Source text of one step at a constant rate. */
export function step(
  name: string,
  { rate = 50, seconds = 1, startSeconds = 0, vus = 100, phase = 'measured' } = {},
): string {
  return `${name}: { executor: 'constant-arrival-rate', rate: ${rate}, duration: '${seconds}s', startTime: '${startSeconds}s',
    preAllocatedVUs: ${Math.min(vus, 10)}, maxVUs: ${vus}, tags: { phase: '${phase}' } }`;
}

/** Lists the rules with findings, without those that other load on the machine causes. */
export function rulesOf(
  { judgement }: CapacityReport,
  ignored: readonly string[] = ['generator-late', 'generator-cpu'],
): string[] {
  return [...new Set(judgement.reasons.map(({ rule }) => rule))].filter((rule) => !ignored.includes(rule));
}
