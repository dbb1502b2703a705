/** The values of one metric with one set of tags since the last `take`, each with its time. */
export interface Series {
  metric: string;
  tags: Readonly<Record<string, string>>;
  values: Float64Array;
  /** Milliseconds since 1970. */
  at: Float64Array;
}

/** Collects values in the thread that measured them, until `take` returns them. */
export function createSampleBuffer() {
  let open = new Map<
    string,
    { metric: string; tags: Readonly<Record<string, string>>; values: number[]; at: number[] }
  >();
  return {
    /** `tags` must not change later. Passing the same object for many values is cheap. */
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
