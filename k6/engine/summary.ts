import type { Registry } from './registry.ts';
import type { Sink } from './sinks.ts';

const statistics = { counter: ['count', 'rate'], gauge: ['value', 'min', 'max'], rate: ['rate', 'passes', 'fails'] };

/** Builds the data that k6 passes to `handleSummary`. Metrics without samples are omitted, as in k6. */
export function buildSummary(
  registry: Registry,
  trendStats: readonly string[],
  durationMs: number,
  checks: CheckCounts,
) {
  const seconds = durationMs / 1000;
  const verdicts = registry.evaluate(seconds);
  const metrics = [...registry.sinks]
    .map(([name, sink]) => {
      const thresholds = verdicts.filter(({ threshold }) => threshold.metric === name);
      const results = thresholds.map(({ threshold, ok }) => [threshold.expression, { ok }] as const);
      const about = { type: sink.type, contains: sink.contains, values: readValues(sink, trendStats, seconds) };
      return [name, results.length === 0 ? about : { ...about, thresholds: Object.fromEntries(results) }] as const;
    })
    .filter(([, { values }]) => Object.values(values).every((value) => !Number.isNaN(value)));
  return {
    root_group: {
      name: '',
      path: '',
      id: 'd41d8cd98f00b204e9800998ecf8427e',
      groups: [],
      checks: Object.entries(checks).map(([name, count]) => ({ name, path: `::${name}`, ...count })),
    },
    options: { summaryTrendStats: [...trendStats], summaryTimeUnit: '', noColor: true },
    state: { isStdOutTTY: false, isStdErrTTY: false, testRunDurationMs: durationMs },
    metrics: Object.fromEntries(metrics),
  };
}

export type CheckCounts = Record<string, { passes: number; fails: number }>;

function readValues(sink: Sink, trendStats: readonly string[], seconds: number): Record<string, number> {
  const names = sink.type === 'trend' ? trendStats : statistics[sink.type];
  return Object.fromEntries(names.map((name) => [name, sink.read(name, seconds) ?? Number.NaN]));
}
