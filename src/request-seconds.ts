import type { Metric, Registry } from 'prom-client';

const name = 'http_request_duration_seconds';
const help = 'Time from the last request header to the last byte of the response';
const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

interface Series {
  readonly labels: { readonly route: string; readonly method: string; readonly status: number };
  /** Counts of the requests within the bound of the same index and above the previous bound. The last one is above all bounds. */
  readonly counts: number[];
  sum: number;
}

/**
 * Creates the histogram of request durations. It counts in plain arrays and is formatted only when the metrics are collected: the
 * library's histogram would cost more than a cached response.
 */
export function createRequestSeconds(registry: Registry) {
  const byRoute = new Map<string, Map<string, Series[]>>();
  const metric = { name, help, type: 'histogram', aggregator: 'sum', get: async () => describe(byRoute), reset };

  function reset(): void {
    byRoute.clear();
  }

  registry.registerMetric(metric as unknown as Metric);
  return {
    observe(route: string, method: string, status: number, seconds: number): void {
      const series = (byRoute.get(route)?.get(method)?.[status] ??
        addSeries(byRoute, { route, method, status })) as Series;
      let i = 0;
      while (i < bounds.length && seconds > (bounds[i] as number)) i += 1;
      series.counts[i] = (series.counts[i] ?? 0) + 1;
      series.sum += seconds;
    },
  };
}

function addSeries(byRoute: Map<string, Map<string, Series[]>>, labels: Series['labels']): Series {
  const byMethod = byRoute.get(labels.route) ?? new Map<string, Series[]>();
  const byStatus = byMethod.get(labels.method) ?? [];
  const series = { labels, counts: Array<number>(bounds.length + 1).fill(0), sum: 0 };
  byRoute.set(labels.route, byMethod);
  byMethod.set(labels.method, byStatus);
  byStatus[labels.status] = series;
  return series;
}

function describe(byRoute: Map<string, Map<string, Series[]>>) {
  const all = [...byRoute.values()].flatMap((byMethod) =>
    [...byMethod.values()].flatMap((each) => Object.values(each)),
  );
  return { name, help, type: 'histogram', aggregator: 'sum', values: all.flatMap(describeSeries) };
}

function describeSeries({ labels, counts, sum }: Series) {
  let total = 0;
  const buckets = counts.map((count, i) => {
    total += count;
    return { labels: { le: bounds[i] ?? '+Inf', ...labels }, value: total, metricName: `${name}_bucket` };
  });
  return [
    ...buckets,
    { labels, value: sum, metricName: `${name}_sum` },
    { labels, value: total, metricName: `${name}_count` },
  ];
}
