import { setTimeout as sleep } from 'node:timers/promises';
import { readCpuSeconds } from '../../bench/lib/process-cost.ts';
import type { CapacityReport } from '../lib/report-schema.ts';
import { listPoints } from '../lib/run-plan.ts';
import { readSlo } from '../lib/slo.ts';
import { predictFromHalf } from '../lib/usl.ts';
import type { FixedSize } from './rehearsal-schema.ts';
import type { Stage } from './stage.ts';

/** Scaling off: as many instances as `count`, more and more load until an objective breaks. */
export async function findKnee(stage: Stage, count: number): Promise<{ result: FixedSize; report: CapacityReport }> {
  const { fleet, balancer, databasePid, settings } = stage;
  const { stepSeconds, warmUpSeconds } = settings.knee;
  const rates = settings.knee.rates.map((rate) => rate * count);
  await fleet.growTo(count);
  stage.say(`scaling off, ${count} instance${count > 1 ? 's' : ''}: ${rates.join(', ')}/s`);
  const read = () => ({
    web: fleet.instances.reduce((sum, { cpu }) => sum + cpu.usedSeconds(), 0),
    database: readCpuSeconds([databasePid]),
    balancer: readCpuSeconds([balancer.pid]),
  });
  const before = read();
  const done = new AbortController();
  const busiest = findBusiest(() => read().web, settings.share * count, done.signal);
  const report = await stage.load({
    name: `knee-of-${count}`,
    scenario: 'breakpoint',
    claims: [95],
    env: {
      ...{ JOURNEY: 'public', WORLD: stage.worlds.next().path, RATES: rates.join() },
      ...{ SECONDS: String(stepSeconds), WARM_UP_SECONDS: String(warmUpSeconds) },
    },
  });
  const after = read();
  done.abort();
  const requests = report.steps.reduce((sum, { samples }) => sum + samples, 0);
  const perRequestUs = (name: keyof typeof before) => ((after[name] - before[name]) / requests) * 1e6;
  const cpuUs = { web: perRequestUs('web'), database: perRequestUs('database'), balancer: perRequestUs('balancer') };
  const half = predictFromHalf(listPoints(report.steps));
  return {
    report,
    result: {
      instances: count,
      share: settings.share,
      withinObjectivesPerSecond: findWithinObjectives(report, stepSeconds),
      knee: report.model?.knee ?? null,
      atLeastPerSecond: report.model?.atLeastPerSecond ?? 0,
      rmsShare: report.model?.rmsShare ?? null,
      points: report.model?.points ?? 0,
      halfPrediction: half,
      cpuUsPerRequest: cpuUs,
      busiestShare: await busiest,
      verdict: report.judgement.verdict,
      reasons: report.judgement.reasons,
    },
  };
}

/** The highest rate of a whole step before the first one in which a route broke an objective; latency of all routes together. */
function findWithinObjectives({ steps: measured }: CapacityReport, stepSeconds: number): number {
  const { routes } = readSlo();
  const bounds = ['rankings', 'vote'].map((name) => routes[name]);
  const p95 = Math.min(...bounds.map((each) => each?.p95Ms ?? Number.POSITIVE_INFINITY));
  const p99 = Math.min(...bounds.map((each) => each?.p99Ms ?? Number.POSITIVE_INFINITY));
  let best = 0;
  for (const { phase, samples, latencyMs, errorShare, offeredPerSecond, seconds } of measured) {
    if (phase === 'warm_up' || samples === 0 || latencyMs === null) continue;
    if (latencyMs.p95 > p95 || latencyMs.p99 > p99 || errorShare > 0.001 || seconds < stepSeconds) break;
    best = offeredPerSecond ?? best;
  }
  return best;
}

/** Second by second, until told to stop. */
async function findBusiest(read: () => number, share: number, signal: AbortSignal): Promise<number> {
  let most = 0;
  while (!signal.aborted) {
    const [used, at] = [read(), performance.now()];
    await sleep(1000, undefined, { signal }).catch(() => undefined);
    const seconds = (performance.now() - at) / 1000;
    if (seconds > 0.9) most = Math.max(most, (read() - used) / seconds / share);
  }
  return most;
}
