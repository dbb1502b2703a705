import { median } from '../../scripts/lib/statistics.ts';
import type { CapacityReport } from '../lib/report-schema.ts';
import { clampInstances, countNeeded, defaultPolicy } from '../lib/scaling-policy.ts';
import { simulate } from '../lib/simulate.ts';
import { readSlo } from '../lib/slo.ts';
import { startController } from './controller.ts';
import type { ScalingPhase, Window } from './rehearsal-schema.ts';
import type { RehearsalSettings } from './settings.ts';
import type { TestContext } from './testbed.ts';

/** Runs target tracking under a step and a spike of load, and returns its times and what clients measured. */
export async function followLoad(
  context: TestContext,
  capacity: number,
): Promise<{ result: ScalingPhase; report: CapacityReport }> {
  const { fleet, settings } = context;
  const { timeScale, deregistrationSeconds, stepSeconds, profile } = settings.scaling;
  const policy = { ...defaultPolicy, deregistrationSeconds };
  const highest = Math.max(...profile.map(({ load }) => load));
  await fleet.shrinkTo(1);
  const rates = profile.flatMap(({ load, steps }) => Array.from({ length: steps }, () => Math.round(capacity * load)));
  context.say(
    `autoscaling, ${timeScale} times as fast: ${[...new Set(rates)].join('/s and ')}/s, ${rates.length * stepSeconds} s`,
  );
  const controller = startController(fleet, policy, timeScale, settings.share);
  const report = await context
    .load({
      name: 'autoscaling',
      scenario: 'ramp',
      isFixed: false,
      env: {
        JOURNEY: 'public',
        DATASET: context.datasets.next().path,
        RATES: rates.join(','),
        SECONDS: String(stepSeconds),
        WARM_UP_SECONDS: '0',
      },
    })
    .finally(() => controller.stop());
  const offset = (Date.parse(report.startedAt) - controller.startedAt) / 1000;
  const windows = listWindows(report, offset, settings.scaling);
  const needed = clampInstances(countNeeded(highest, 1, defaultPolicy), defaultPolicy);
  const offeredAt = (second: number) =>
    rates[Math.floor((second - offset) / stepSeconds)] ?? (second < offset ? 0 : (rates.at(-1) ?? 0));
  const predicted = simulate(defaultPolicy, {
    capacityPerInstance: capacity,
    seconds: (offset + rates.length * stepSeconds) * timeScale,
    offered: (second) => averageOver(second / timeScale, defaultPolicy.periodSeconds / timeScale, offeredAt),
  });
  return {
    report,
    result: {
      timeScale,
      policy,
      capacityPerInstance: capacity,
      periods: controller.periods,
      windows,
      loadStartsAtSecond: offset,
      neededInstances: needed,
      ...measureLags(controller.periods, predicted.periods, windows, timeScale, needed),
      overshootInstances: Math.max(needed, ...controller.periods.map(({ present }) => present)) - needed,
      timeline: report.timeline,
      verdict: report.judgement.verdict,
      reasons: report.judgement.reasons,
    },
  };
}

type Served = readonly { second: number; serving: number }[];

/** Measures the test and its simulation from the change of the load, in the policy's seconds. */
export function measureLags(
  periods: Served,
  simulated: Served,
  windows: readonly Window[],
  timeScale: number,
  needed: number,
): Pick<ScalingPhase, 'scaleOutSeconds' | 'simulatedScaleOutSeconds' | 'scaleInSeconds' | 'simulatedScaleInSeconds'> {
  const real = periods.map(({ second, serving }) => ({ second: second * timeScale, serving }));
  const findChange = (direction: number) => {
    const found = windows.find(({ offeredPerSecond }, i) => {
      const before = windows[i - 1]?.offeredPerSecond ?? offeredPerSecond;
      return direction * (offeredPerSecond - before) > 0;
    });
    return (found?.startSecond ?? Number.NaN) * timeScale;
  };
  const [risesAt, fallsAt] = [findChange(1), findChange(-1)];
  return {
    scaleOutSeconds: measureScaleOut(real, risesAt, needed),
    simulatedScaleOutSeconds: measureScaleOut(simulated, risesAt, needed),
    scaleInSeconds: measureScaleIn(real, fallsAt),
    simulatedScaleInSeconds: measureScaleIn(simulated, fallsAt),
  };
}

/** Returns the time until enough instances serve. */
function measureScaleOut(periods: Served, risesAt: number, needed: number): number | null {
  const done = periods.find(({ second, serving }) => second > risesAt && serving >= needed);
  return done === undefined ? null : done.second - risesAt;
}

/** Returns the time until fewer instances serve than in the period in which the load fell. */
function measureScaleIn(periods: Served, fallsAt: number): number | null {
  const before = periods.findLast(({ second }) => second <= fallsAt)?.serving ?? 0;
  const done = periods.find(({ second, serving }) => second > fallsAt && serving < before);
  return done === undefined ? null : done.second - fallsAt;
}

function averageOver(second: number, length: number, read: (second: number) => number): number {
  const samples = Array.from({ length: 10 }, (_, i) => read(second + ((i + 0.5) * length) / 10));
  return samples.reduce((sum, each) => sum + each, 0) / samples.length;
}

/** Returns what clients measured in each phase of the profile, in the controller's seconds. */
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
    const p99Ms = seconds.map((each) => each.p99Ms);
    return {
      name,
      startSecond: startSeconds + offset,
      endSecond: endSeconds + offset,
      offeredPerSecond: own[0]?.offeredPerSecond ?? 0,
      requests: own.reduce((sum, step) => sum + step.samples, 0),
      errors: seconds.reduce((sum, { errors }) => sum + errors, 0),
      worstP99Ms: Math.max(0, ...p99Ms),
      medianP99Ms: median(p99Ms),
      secondsBeyondObjective: p99Ms.filter((ms) => ms > objectiveMs).length,
    };
  });
}
