import { listMeasured } from './load-points.ts';
import type { CapacityReport, Judgement, Step } from './report-schema.ts';
import type { Slo } from './slo.ts';

type Evidence = Omit<CapacityReport, 'judgement'>;
type Rule = (report: Evidence, slo: Slo) => string[];

const flatShare = 1.25;
const reachedShare = 0.99;
const littleShare = 0.05;

/** Rules that make a run INVALID. Each returns a sentence for every finding. */
const invalidRules: Record<string, Rule> = {
  'dropped-iterations': ({ steps }) =>
    steps
      .filter(({ dropped }) => dropped > 0)
      .map(({ name, dropped }) => `${name}: ${dropped} iterations were dropped`),
  'vus-exhausted': ({ steps }) =>
    steps
      .filter(({ executor, vusPeak, vusLimit }) => executor !== 'constant-vus' && vusPeak >= vusLimit)
      .map(({ name, vusLimit }) => `${name}: all ${vusLimit} virtual users were busy`),
  'generator-cpu': ({ generator }, { generatorCpuShare }) =>
    (generator.cpuBusyShareMax ?? 0) > generatorCpuShare
      ? [`The generator used ${percent(generator.cpuBusyShareMax)} of its core, limit ${percent(generatorCpuShare)}`]
      : [],
  'generator-late': ({ generator }, { generatorLatenessP99Ms }) =>
    generator.latenessP99Ms > generatorLatenessP99Ms
      ? [`The generator sent 1 % of the requests at least ${Math.round(generator.latenessP99Ms)} ms late`]
      : [],
  'generator-limit': ({ steps, generator }) =>
    steps
      .filter(({ offeredPerSecond }) => (offeredPerSecond ?? 0) > generator.arrivalLimitPerSecond)
      .map(({ name }) => `${name}: more arrivals than the generator's limit of ${generator.arrivalLimitPerSecond}/s`),
  clock: ({ target }, { clockDifferenceSeconds }) =>
    [target.before, target.after]
      .filter((state) => Math.abs(state.clockDifferenceSeconds ?? 0) > clockDifferenceSeconds)
      .slice(0, 1)
      .map((state) => `The target's clock differs by ${state.clockDifferenceSeconds?.toFixed(1)} s`),
  'build-differs': ({ target }) => {
    const builds = [...new Set([...target.before.instances, ...target.after.instances].map(({ build }) => build))];
    return builds.length > 1 ? [`The instances are not one build: ${builds.join(', ')}`] : [];
  },
  'instance-restarted': ({ target }) => {
    const before = listStarts(target.before);
    const after = listStarts(target.after);
    return before === after ? [] : ['An instance was restarted, added or removed during the run'];
  },
  'no-warm-up': ({ steps, plan }) =>
    plan.claims.length > 0 && !steps.some(({ phase }) => phase === 'warm_up') ? ['There was no warm-up'] : [],
  'too-few-samples': ({ routes, plan }, { samplesBeyondPercentile }) =>
    plan.claims.flatMap((claim) => {
      const needed = Math.ceil(samplesBeyondPercentile / (1 - claim / 100) - 1e-6);
      const short = routes.filter(({ samples }) => samples < needed);
      return short.map(({ name, samples }) => `${name}: ${samples} samples, p${claim} needs ${needed}`);
    }),
  'rate-not-reached': ({ steps }) => findUnreached(steps),
  'nothing-measured': ({ steps }) => (listMeasured(steps).length > 0 ? [] : ['No request was measured']),
};

/** INVALID takes precedence over FAIL: a run without valid figures cannot break an objective. */
export function judgeReport(report: Evidence, slo: Slo): Judgement {
  const invalid = Object.entries(invalidRules).flatMap(([rule, find]) =>
    find(report, slo).map((text) => ({ rule, verdict: 'INVALID', text })),
  );
  const broken = [
    ...report.thresholds
      .filter(({ ok, metric }) => !ok && metric !== 'dropped_iterations')
      .map(
        ({ metric, expression, value }) =>
          `${metric} ${expression}: ${value === null ? 'none' : Number(value.toPrecision(4))}`,
      ),
    ...(report.generator.exitCode !== 0 && report.generator.exitCode !== 99
      ? [`The generator ended with ${report.generator.exitCode}`]
      : []),
  ].map((text) => ({ rule: 'objective', verdict: 'FAIL', text }));
  const verdict = invalid.length > 0 ? 'INVALID' : broken.length > 0 ? 'FAIL' : 'PASS';
  return { verdict, reasons: [...invalid, ...broken], notes: listNotes(report) };
}

/** Finds steps with fewer arrivals than offered and flat latency: there the generator was the limit. */
function findUnreached(steps: readonly Step[]): string[] {
  const measured = steps.filter(({ phase, latencyMs }) => phase === 'measured' && latencyMs !== null);
  const fastest = Math.min(...measured.map(({ latencyMs }) => latencyMs?.p50 ?? Number.POSITIVE_INFINITY));
  return measured
    .filter(({ offeredPerSecond, startedPerSecond, latencyMs }) => {
      const isShort = offeredPerSecond !== null && startedPerSecond < reachedShare * offeredPerSecond;
      return isShort && (latencyMs?.p50 ?? 0) <= fastest * flatShare;
    })
    .map(
      ({ name, offeredPerSecond, startedPerSecond }) =>
        `${name}: ${startedPerSecond.toFixed(1)}/s of ${offeredPerSecond?.toFixed(1)}/s offered, while latency stayed flat`,
    );
}

function listNotes({ steps, target, generator }: Evidence): string[] {
  const loops = steps.filter(isSaturatedLoop).map(({ name, vusLimit, latencyMs, completedPerSecond }) => {
    const figures = `${completedPerSecond.toFixed(1)}/s = ${vusLimit} users / ${latencyMs?.mean} ms`;
    return `${name}: throughput = users / latency (${figures}): a saturated closed loop, which does not show what more users would get`;
  });
  const unseen =
    target.before.instances.length === 0
      ? ['The instances reported no metrics: builds and restarts were not checked']
      : [];
  const contention =
    (generator.waitShareMean ?? 0) > 0.1
      ? [`The generator waited for a core ${percent(generator.waitShareMean)} of the time: the machine was shared`]
      : [];
  return [...loops, ...unseen, ...contention];
}

/** Without think time, Little's law makes the requests in flight equal to the users. */
export function isSaturatedLoop({ executor, vusLimit, latencyMs, completedPerSecond }: Step): boolean {
  if (executor !== 'constant-vus' || latencyMs === null) return false;
  return Math.abs((completedPerSecond * latencyMs.mean) / 1000 / vusLimit - 1) <= littleShare;
}

function listStarts({ instances }: { instances: readonly { url: string; startedAtSeconds: number }[] }): string {
  return instances
    .map(({ url, startedAtSeconds }) => `${url} ${startedAtSeconds}`)
    .sort()
    .join('\n');
}

function percent(share: number | null): string {
  return `${Math.round((share ?? 0) * 100)} %`;
}
