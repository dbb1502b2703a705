import t from 'tap';
import { defaultPolicy } from '../../capacity_planning/lib/scaling-policy.ts';
import { simulate } from '../../capacity_planning/lib/simulate.ts';
import { measureLags } from '../../capacity_planning/rehearsal/autoscaling.ts';
import type { Window } from '../../capacity_planning/rehearsal/rehearsal-schema.ts';

const step = (from: number, to: number) => (second: number) => (second < 300 ? from : to);

t.test('the next instance serves after three breaching periods and a warm-up', (t) => {
  const result = simulate(defaultPolicy, { capacityPerInstance: 100, offered: step(30, 80), seconds: 1800 });
  const first = result.periods.find(({ serving }) => serving === 2);
  t.equal(first?.second, 300 + 3 * 60 + 180);
  t.equal(result.scaleOutSeconds, 360);
  t.equal(result.mostInstances, 2);
  t.end();
});

t.test('fifteen quiet periods remove instances, never below the minimum', (t) => {
  // 140 keeps three instances between both alarms; at 120 the lower alarm would have fired earlier.
  const offered = (second: number) => (second < 1800 ? 140 : 10);
  const { periods } = simulate(defaultPolicy, { capacityPerInstance: 100, offered, seconds: 7200 });
  t.equal(periods.find(({ second }) => second === 1740)?.serving, 3);
  const shrunk = periods.find(({ second, serving }) => second > 1800 && serving < 3);
  t.equal(shrunk?.second, 1800 + 15 * 60);
  t.equal(periods.at(-1)?.serving, 1);
  t.end();
});

t.test('a load beyond the maximum of instances is served in part', (t) => {
  const result = simulate(defaultPolicy, { capacityPerInstance: 100, offered: step(30, 900), seconds: 3600 });
  const last = result.periods.at(-1);
  t.equal(last?.serving, 3);
  t.equal(last?.cpuShare, 1);
  t.ok(Math.abs((last?.servedShare ?? 0) - 1 / 3) < 1e-9);
  t.end();
});

t.test('a day with ten thousand instances is simulated', (t) => {
  const policy = { ...defaultPolicy, maxInstances: 10_000 };
  const result = simulate(policy, { capacityPerInstance: 100, offered: step(30, 499_000), seconds: 24 * 3600 });
  t.equal(result.periods.at(-1)?.serving, 9980);
  t.end();
});

t.test('a lag counts from the step, whichever alarm fired before it', (t) => {
  const windows = [
    { offeredPerSecond: 60, startSecond: 5 },
    { offeredPerSecond: 400, startSecond: 13 },
    { offeredPerSecond: 60, startSecond: 45 },
  ] as Window[];
  const follow = (startsAt: readonly number[], stopsAt: number) =>
    Array.from({ length: 40 }, (_, i) => 2 * i).map((second) => ({
      second,
      serving: 1 + startsAt.filter((at) => at <= second).length - (stopsAt <= second ? 1 : 0),
    }));
  // An alarm before the step started the second instance early.
  const real = follow([8, 20], 60);
  const simulated = follow([16, 26], 62).map(({ second, serving }) => ({ second: second * 30, serving }));
  t.strictSame(measureLags(real, simulated, windows, 30, 3), {
    scaleOutSeconds: 210,
    simulatedScaleOutSeconds: 390,
    scaleInSeconds: 450,
    simulatedScaleInSeconds: 510,
  });
  t.end();
});
