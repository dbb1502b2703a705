import type { EngineResult } from '../../k6/engine/run.ts';
import { percentile } from '../../scripts/lib/statistics.ts';
import type { CapacityReport, Step } from './report-schema.ts';

const keptLatencies = 20_000;

interface Request {
  scenario: number;
  name: number;
  startMs: number;
  durationMs: number;
  failed: boolean;
}

/** Converts the engine's columns to steps, routes (without the warm-up) and seconds. */
export function buildSteps(result: EngineResult): Pick<CapacityReport, 'steps' | 'routes' | 'timeline'> {
  const requests = listRequests(result);
  const steps = result.scenarios.map((scenario) => {
    const index = result.requests.scenarios.indexOf(scenario.name);
    const own = requests.filter((request) => request.scenario === index);
    return buildStep(scenario, own, requests, result.endedEarlyMs ?? Number.POSITIVE_INFINITY);
  });
  const warmUps = new Set(steps.filter(({ phase }) => phase === 'warm_up').map(({ name }) => name));
  const measured = requests.filter(({ scenario }) => !warmUps.has(result.requests.scenarios[scenario] ?? ''));
  const routes = result.requests.names.flatMap((name, index) => {
    const own = measured.filter((request) => request.name === index);
    return own.length === 0 ? [] : [{ name, ...summarize(own) }];
  });
  return { steps, routes, timeline: buildTimeline(requests) };
}

/**
 * A step lasts until its end or the run's, whichever is earlier. Requests in flight and completed requests count in the step in
 * which they happen, whichever step started them: a backlog is served before later requests.
 */
function buildStep(
  scenario: EngineResult['scenarios'][number],
  own: readonly Request[],
  all: readonly Request[],
  runMs: number,
): Step {
  const endMs = Math.min(scenario.startMs + scenario.durationMs, Math.max(scenario.startMs, runMs));
  const seconds = (endMs - scenario.startMs) / 1000;
  const perSecond = (count: number) => (seconds === 0 ? 0 : count / seconds);
  const isOpen = scenario.executor !== 'constant-vus';
  const stride = Math.ceil(own.length / keptLatencies);
  return {
    name: scenario.name,
    phase: scenario.tags['phase'] === 'warm_up' ? 'warm_up' : 'measured',
    executor: scenario.executor,
    startSeconds: scenario.startMs / 1000,
    seconds,
    offeredPerSecond: isOpen ? perSecond(scenario.started + scenario.dropped) : null,
    startedPerSecond: perSecond(scenario.started),
    completedPerSecond: perSecond(all.filter((request) => endsWithin(request, scenario.startMs, endMs)).length),
    dropped: scenario.dropped,
    vusPeak: scenario.vusPeak,
    vusLimit: scenario.maxVus,
    meanInFlight: perSecond(sumOverlap(all, scenario.startMs, endMs) / 1000),
    ...summarize(own),
    latencySampleMs: own.filter((_, i) => i % stride === 0).map(({ durationMs }) => durationMs),
  };
}

function endsWithin({ startMs, durationMs }: Request, fromMs: number, untilMs: number): boolean {
  return startMs + durationMs > fromMs && startMs + durationMs <= untilMs;
}

/** Sums the milliseconds that requests were in flight between two times. */
function sumOverlap(requests: readonly Request[], fromMs: number, untilMs: number): number {
  return requests.reduce((sum, { startMs, durationMs }) => {
    return sum + Math.max(0, Math.min(startMs + durationMs, untilMs) - Math.max(startMs, fromMs));
  }, 0);
}

function summarize(requests: readonly Request[]): Pick<Step, 'samples' | 'errorShare' | 'latencyMs'> {
  const samples = requests.length;
  if (samples === 0) return { samples, errorShare: 0, latencyMs: null };
  const values = requests.map(({ durationMs }) => durationMs);
  const at = (share: number) => round(percentile(values, share));
  const mean = round(values.reduce((sum, value) => sum + value, 0) / samples);
  const errorShare = requests.filter(({ failed }) => failed).length / samples;
  return { samples, errorShare, latencyMs: { mean, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) } };
}

function buildTimeline(requests: readonly Request[]): CapacityReport['timeline'] {
  const seconds = new Map<number, Request[]>();
  for (const request of requests) {
    const second = Math.max(0, Math.floor(request.startMs / 1000));
    const list = seconds.get(second);
    if (list === undefined) seconds.set(second, [request]);
    else list.push(request);
  }
  return [...seconds]
    .sort(([a], [b]) => a - b)
    .map(([second, list]) => {
      const values = list.map(({ durationMs }) => durationMs);
      const errors = list.filter(({ failed }) => failed).length;
      const [p50Ms, p99Ms] = [round(percentile(values, 0.5)), round(percentile(values, 0.99))];
      return { second, requests: list.length, errors, p50Ms, p99Ms };
    });
}

/** Lists requests by their start. */
function listRequests({ requests: columns }: EngineResult): Request[] {
  return columns.startMs
    .map((startMs, i) => ({
      startMs,
      scenario: columns.scenario[i] ?? -1,
      name: columns.name[i] ?? -1,
      durationMs: columns.durationMs[i] ?? Number.NaN,
      failed: columns.failed[i] === 1,
    }))
    .sort((a, b) => a.startMs - b.startMs);
}

function round(value: number): number {
  return Number(value.toFixed(2));
}
