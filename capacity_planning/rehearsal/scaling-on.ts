import { percentile } from '../../scripts/lib/statistics.ts';
import type { CapacityReport } from '../lib/report-schema.ts';
import { clampInstances, defaultLaw } from '../lib/scaling-law.ts';
import { simulate } from '../lib/simulate.ts';
import { readSlo } from '../lib/slo.ts';
import { startController } from './controller.ts';
import type { ControllerPeriod, ScalingPhase, Window } from './rehearsal-schema.ts';
import type { RehearsalSettings } from './settings.ts';
import type { Stage } from './stage.ts';

/** Scaling on: what target tracking makes of a step and of a spike, and what clients see of it. */
export async function followLoad(
  stage: Stage,
  capacity: number,
): Promise<{ result: ScalingPhase; report: CapacityReport }> {
  const { fleet, settings } = stage;
  const { timeScale, deregistrationSeconds, stepSeconds, profile } = settings.scaling;
  const law = { ...defaultLaw, deregistrationSeconds };
  const highest = Math.max(...profile.map(({ load }) => load));
  await fleet.shrinkTo(1);
  const rates = profile.flatMap(({ load, steps }) => Array.from({ length: steps }, () => Math.round(capacity * load)));
  stage.say(
    `scaling on, ${timeScale} times as fast: ${[...new Set(rates)].join('/s and ')}/s, ${rates.length * stepSeconds} s`,
  );
  const controller = startController(fleet, law, timeScale, settings.share);
  const report = await stage
    .load({
      name: 'scaling-on',
      scenario: 'ramp',
      isFixed: false,
      env: {
        ...{ JOURNEY: 'public', WORLD: stage.worlds.next().path, RATES: rates.join(',') },
        ...{ SECONDS: String(stepSeconds), WARM_UP_SECONDS: '0' },
      },
    })
    .finally(() => controller.stop());
  const offset = (Date.parse(report.startedAt) - controller.startedAt) / 1000;
  const windows = listWindows(report, offset, settings.scaling);
  const needed = clampInstances(Math.ceil(highest / defaultLaw.targetShare), defaultLaw);
  const measured = measureScaleOut(controller.periods, needed);
  const offeredAt = (second: number) =>
    rates[Math.floor((second - offset) / stepSeconds)] ?? (second < offset ? 0 : (rates.at(-1) ?? 0));
  const predicted = simulate(defaultLaw, {
    capacityPerInstance: capacity,
    seconds: (offset + rates.length * stepSeconds) * timeScale,
    offered: (second) => averageOver(second / timeScale, defaultLaw.periodSeconds / timeScale, offeredAt),
  });
  return {
    report,
    result: {
      ...{ timeScale, law, capacityPerInstance: capacity, periods: controller.periods, windows },
      loadStartsAtSecond: offset,
      neededInstances: needed,
      scaleOutSeconds: measured === null ? null : measured * timeScale,
      simulatedScaleOutSeconds: predicted.scaleOutSeconds,
      ...measureBothScaleIns(controller.periods, predicted.periods, windows, timeScale),
      overshootInstances: Math.max(0, ...controller.periods.map(({ present }) => present)) - needed,
      timeline: report.timeline,
      verdict: report.judgement.verdict,
      reasons: report.judgement.reasons,
    },
  };
}

/** From the first of the breaching periods that count until as many serve as are needed, in seconds of the rehearsal. */
function measureScaleOut(periods: readonly ControllerPeriod[], needed: number): number | null {
  const { breachingPeriodsOut, targetShare } = defaultLaw;
  const first = periods.find((_, i) => {
    const run = periods.slice(i, i + breachingPeriodsOut);
    return run.length === breachingPeriodsOut && run.every(({ cpuShare }) => cpuShare > targetShare);
  });
  const done = periods.find(({ serving, second }) => first !== undefined && second > first.second && serving >= needed);
  return first === undefined || done === undefined ? null : done.second - first.second;
}

function measureBothScaleIns(
  real: readonly ControllerPeriod[],
  simulated: readonly { second: number; serving: number }[],
  windows: readonly Window[],
  timeScale: number,
): Pick<ScalingPhase, 'scaleInSeconds' | 'simulatedScaleInSeconds'> {
  const fallsAt = windows.find(({ offeredPerSecond }, i) => offeredPerSecond < (windows[i - 1]?.offeredPerSecond ?? 0));
  if (fallsAt === undefined) return { scaleInSeconds: null, simulatedScaleInSeconds: null };
  const inLawSeconds = real.map(({ second, serving }) => ({ second: second * timeScale, serving }));
  return {
    scaleInSeconds: measureScaleIn(inLawSeconds, fallsAt.startSecond * timeScale),
    simulatedScaleInSeconds: measureScaleIn(simulated, fallsAt.startSecond * timeScale),
  };
}

/** Until fewer serve than in the period in which the load fell. */
function measureScaleIn(periods: readonly { second: number; serving: number }[], fallsAt: number): number | null {
  const before = periods.findLast(({ second }) => second <= fallsAt)?.serving ?? 0;
  const done = periods.find(({ second, serving }) => second > fallsAt && serving < before);
  return done === undefined ? null : done.second - fallsAt;
}

function averageOver(second: number, length: number, read: (second: number) => number): number {
  const samples = 10;
  return (
    Array.from({ length: samples }, (_, i) => read(second + ((i + 0.5) * length) / samples)).reduce(
      (a, b) => a + b,
      0,
    ) / samples
  );
}

/** Each part of the profile as its clients saw it; seconds are the controller's. */
function listWindows(
  { steps, timeline }: CapacityReport,
  offset: number,
  { profile, stepSeconds }: RehearsalSettings['scaling'],
): Window[] {
  const objectiveMs = readSlo().routes['rankings']?.p99Ms ?? Number.NaN;
  let from = 0;
  return profile.map(({ name, steps: length }) => {
    const own = steps.slice(from, from + length);
    const [startSeconds, endSeconds] = [from * stepSeconds, (from + length) * stepSeconds];
    from += length;
    const seconds = timeline.filter(({ second }) => second >= startSeconds && second < endSeconds);
    const samples = own.reduce((sum, step) => sum + step.samples, 0);
    return {
      name,
      startSecond: startSeconds + offset,
      endSecond: endSeconds + offset,
      offeredPerSecond: own[0]?.offeredPerSecond ?? 0,
      requests: samples,
      errors: seconds.reduce((sum, { errors }) => sum + errors, 0),
      worstP99Ms: Math.max(0, ...seconds.map(({ p99Ms }) => p99Ms)),
      medianP99Ms: percentile(
        seconds.map(({ p99Ms }) => p99Ms),
        0.5,
      ),
      secondsBeyondObjective: seconds.filter(({ p99Ms }) => p99Ms > objectiveMs).length,
    };
  });
}
