import { refuse } from '../exit-codes.ts';
import { currentIteration, internTags, now, thread } from '../runtime.ts';

type Checkers = Readonly<Record<string, (value: never) => unknown>>;

export function check(value: unknown, checkers: Checkers, tags: Record<string, string> = {}): boolean {
  const iteration = currentIteration();
  let passes = true;
  for (const [name, test] of Object.entries(checkers)) {
    const outcome = (test as (value: unknown) => unknown)(value);
    if (outcome instanceof Promise) throw refuse(`The asynchronous check ${name}`);
    if (!outcome) passes = false;
    const all = internTags({ ...iteration.tags, scenario: iteration.scenario, check: name, ...tags });
    thread.samples.add('checks', outcome ? 1 : 0, all, now());
  }
  return passes;
}

/** Ends only the current iteration. */
export function fail(message = ''): never {
  throw new Error(message);
}

const members: Record<string, unknown> = { check, fail };
const k6: unknown = new Proxy(members, {
  get(target, name) {
    if (typeof name === 'symbol' || name in target) return Reflect.get(target, name);
    throw refuse(`k6.${name}`, 'use check, fail');
  },
});
export default k6;
