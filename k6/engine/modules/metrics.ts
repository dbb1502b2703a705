import { currentIteration, internTags, now, requireLoading, thread } from '../runtime.ts';
import type { MetricType } from '../sinks.ts';

/** Scripts create k6's metrics with `new`, so they are classes. */
class Metric {
  readonly name: string;

  constructor(type: MetricType, name: string, isTime: boolean) {
    requireLoading(`The metric ${name}`);
    this.name = name;
    thread.metrics.push({ name, type, contains: isTime ? 'time' : 'default' });
  }

  add(value: number | boolean, tags: Record<string, string> = {}): void {
    const { scenario, tags: own } = currentIteration();
    thread.samples.add(this.name, Number(value), internTags({ ...own, scenario, ...tags }), now());
  }
}

export class Counter extends Metric {
  constructor(name: string, isTime = false) {
    super('counter', name, isTime);
  }
}

export class Gauge extends Metric {
  constructor(name: string, isTime = false) {
    super('gauge', name, isTime);
  }
}

export class Rate extends Metric {
  constructor(name: string, isTime = false) {
    super('rate', name, isTime);
  }
}

export class Trend extends Metric {
  constructor(name: string, isTime = false) {
    super('trend', name, isTime);
  }
}
