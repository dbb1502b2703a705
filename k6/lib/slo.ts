import type { Threshold } from 'k6/options';

interface Objective {
  p95Ms: number;
  p99Ms: number;
  errorShare: number;
}

const slo = JSON.parse(open(import.meta.resolve('../../capacity_planning/slo.json'))) as {
  routes: Record<string, Objective>;
};

/** Returns the objectives of the routes after the warm-up. With `aborts`, a broken objective ends the run. */
export function thresholds(routes: readonly string[], aborts = false): Record<string, Threshold[]> {
  const entries = routes.flatMap((name) => {
    const objective = slo.routes[name];
    if (objective === undefined) throw new Error(`Expected slo.json to have an objective for ${name}, got none`);
    const submetric = `{name:${name},phase:measured}`;
    const limit = (threshold: string) => ({ threshold, abortOnFail: aborts, delayAbortEval: '10s' });
    return [
      [`http_req_duration${submetric}`, [limit(`p(95)<=${objective.p95Ms}`), limit(`p(99)<=${objective.p99Ms}`)]],
      [`http_req_failed${submetric}`, [limit(`rate<=${objective.errorShare}`)]],
    ] as const;
  });
  return { ...Object.fromEntries(entries.map(([name, list]) => [name, [...list]])), dropped_iterations: ['count<1'] };
}
