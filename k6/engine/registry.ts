import { refuse } from './exit-codes.ts';
import type { Series } from './samples.ts';
import { type Contents, createSink, type MetricType, type Sink } from './sinks.ts';
import { holds, type Threshold } from './thresholds.ts';

/** k6's own metrics that this engine measures. */
const builtIn: Readonly<Record<string, [MetricType, Contents]>> = {
  client_aborts: ['counter', 'default'],
  checks: ['rate', 'default'],
  data_received: ['counter', 'data'],
  data_sent: ['counter', 'data'],
  dropped_iterations: ['counter', 'default'],
  generator_lateness: ['trend', 'time'],
  http_req_blocked: ['trend', 'time'],
  http_req_duration: ['trend', 'time'],
  http_req_failed: ['rate', 'default'],
  http_req_receiving: ['trend', 'time'],
  http_req_waiting: ['trend', 'time'],
  http_reqs: ['counter', 'default'],
  iteration_duration: ['trend', 'time'],
  iterations: ['counter', 'default'],
};

export type Registry = ReturnType<typeof createRegistry>;

export interface CustomMetric {
  name: string;
  type: MetricType;
  contains: Contents;
}

/** Opens a sink for every metric and for every submetric of a threshold. Rejects a threshold without a metric or statistic. */
export function createRegistry(thresholds: readonly Threshold[], custom: readonly CustomMetric[]) {
  const kinds = new Map(Object.entries(builtIn));
  for (const { name, type, contains } of custom) kinds.set(name, [type, contains]);
  const sinks = new Map<string, Sink>();
  for (const [name, [type, contains]] of kinds) sinks.set(name, createSink(type, contains));
  for (const threshold of thresholds) {
    const kind = kinds.get(threshold.base);
    if (kind === undefined) throw refuse(`A threshold on the metric ${threshold.base}`);
    const sink = sinks.get(threshold.metric) ?? createSink(...kind);
    sinks.set(threshold.metric, sink);
    if (sink.read(threshold.statistic, 1) === undefined) {
      throw refuse(`${threshold.statistic} of ${threshold.metric}`, `it is a ${kind[0]}`);
    }
  }
  const targets = new Map<string, Sink[]>();
  const submetrics = thresholds.filter(({ metric, base }) => metric !== base);

  return {
    sinks: sinks as ReadonlyMap<string, Sink>,
    add({ metric, tags, values }: Series): void {
      const key = `${metric} ${JSON.stringify(tags)}`;
      const found = targets.get(key) ?? findTargets(metric, tags);
      targets.set(key, found);
      for (const sink of found) sink.add(values);
    },
    evaluate(elapsedSeconds: number) {
      return thresholds.map((threshold) => {
        const value = sinks.get(threshold.metric)?.read(threshold.statistic, elapsedSeconds);
        return { threshold, value, ok: holds(threshold, value) };
      });
    },
  };

  function findTargets(metric: string, tags: Readonly<Record<string, string>>): Sink[] {
    const names = submetrics
      .filter(
        (part) => part.base === metric && Object.entries(part.tags).every(([name, value]) => tags[name] === value),
      )
      .map((part) => part.metric);
    return [...new Set([metric, ...names])].flatMap((name) => sinks.get(name) ?? []);
  }
}
