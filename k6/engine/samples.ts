/** The values of one metric under one set of tags since the last hand-over, each with the moment it counts for. */
export interface Series {
  metric: string;
  tags: Readonly<Record<string, string>>;
  values: Float64Array;
  /** Milliseconds since 1970. */
  at: Float64Array;
}

/** Values wait here, in the thread that measured them, until they are handed over together. */
export function createSampleBuffer() {
  let open = new Map<
    string,
    { metric: string; tags: Readonly<Record<string, string>>; values: number[]; at: number[] }
  >();
  return {
    /** `tags` are kept as they are: one object for many values makes this cheap. */
    add(metric: string, value: number, tags: Readonly<Record<string, string>>, at: number): void {
      const key = `${metric} ${tagKey(tags)}`;
      let series = open.get(key);
      if (series === undefined) {
        series = { metric, tags, values: [], at: [] };
        open.set(key, series);
      }
      series.values.push(value);
      series.at.push(at);
    },
    take(): Series[] {
      const full = [...open.values()];
      open = new Map();
      return full.map(({ metric, tags, values, at }) => ({
        metric,
        tags,
        values: Float64Array.from(values),
        at: Float64Array.from(at),
      }));
    },
  };
}

const keys = new WeakMap<object, string>();

function tagKey(tags: Readonly<Record<string, string>>): string {
  let key = keys.get(tags);
  if (key === undefined) {
    key = JSON.stringify(tags);
    keys.set(tags, key);
  }
  return key;
}
