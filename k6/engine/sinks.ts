export type MetricType = 'counter' | 'gauge' | 'rate' | 'trend';
export type Contents = 'default' | 'time' | 'data';

/** Collects the values of a metric or submetric and computes k6's statistics. */
export interface Sink {
  type: MetricType;
  contains: Contents;
  add(values: Float64Array): void;
  /** Returns undefined for a statistic that this type of metric does not have, and NaN without values. */
  read(statistic: string, elapsedSeconds: number): number | undefined;
}

export function createSink(type: MetricType, contains: Contents): Sink {
  const makers = { counter: createCounter, gauge: createGauge, rate: createRate, trend: createTrend };
  return { type, contains, ...makers[type]() };
}

type Core = Pick<Sink, 'add' | 'read'>;

function createCounter(): Core {
  let count = 0;
  return {
    add(values) {
      for (const value of values) count += value;
    },
    read(statistic, elapsedSeconds) {
      if (statistic === 'count') return count;
      return statistic === 'rate' ? count / elapsedSeconds : undefined;
    },
  };
}

function createGauge(): Core {
  const state = { value: Number.NaN, min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY };
  return {
    add(values) {
      for (const value of values) {
        state.value = value;
        state.min = Math.min(state.min, value);
        state.max = Math.max(state.max, value);
      }
    },
    read: (statistic) => state[statistic as 'value' | 'min' | 'max'],
  };
}

function createRate(): Core {
  let passes = 0;
  let total = 0;
  return {
    add(values) {
      for (const value of values) if (value !== 0) passes += 1;
      total += values.length;
    },
    read(statistic) {
      if (statistic === 'passes') return passes;
      if (statistic === 'fails') return total - passes;
      return statistic === 'rate' ? (total === 0 ? Number.NaN : passes / total) : undefined;
    },
  };
}

function createTrend(): Core {
  let values = new Float64Array(1024);
  let length = 0;
  let sum = 0;
  let sorted: Float64Array | undefined;
  return {
    add(more) {
      if (length + more.length > values.length) {
        const grown = new Float64Array(Math.max(values.length * 2, length + more.length));
        grown.set(values);
        values = grown;
      }
      values.set(more, length);
      length += more.length;
      for (const value of more) sum += value;
      sorted = undefined;
    },
    read(statistic) {
      if (statistic === 'count') return length;
      if (statistic === 'avg') return sum / length;
      const share = { min: 0, med: 0.5, max: 1 }[statistic] ?? readShare(statistic);
      if (share === undefined) return undefined;
      sorted ??= values.slice(0, length).sort();
      return readQuantile(sorted, share);
    },
  };
}

function readShare(statistic: string): number | undefined {
  const [, percent] = /^p\((\d+(?:\.\d+)?)\)$/.exec(statistic) ?? [];
  return percent === undefined ? undefined : Number(percent) / 100;
}

/** Interpolates linearly between two values, as k6 does. */
function readQuantile(sorted: Float64Array, share: number): number {
  if (sorted.length === 0) return Number.NaN;
  const position = share * (sorted.length - 1);
  const below = sorted[Math.floor(position)] as number;
  const above = sorted[Math.ceil(position)] as number;
  return below + (above - below) * (position - Math.floor(position));
}
