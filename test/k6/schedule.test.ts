import t from 'tap';
import { createRandom } from '../../k6/engine/random.ts';
import { countArrivals, createSchedule, type RateStage, scatter } from '../../k6/engine/schedule.ts';

/** A stage with a constant rate, in arrivals per second. */
const steady = (rate: number, seconds: number): RateStage => ({
  durationMs: seconds * 1000,
  fromRate: rate / 1000,
  toRate: rate / 1000,
});

function listTimes(dueMs: (n: number) => number | undefined): number[] {
  const times: number[] = [];
  for (let due = dueMs(0); due !== undefined; due = dueMs(times.length)) times.push(due);
  return times;
}

for (const rate of [1, 50, 400, 1_000]) {
  t.test(`${rate} arrivals a second are due at equal distances`, async (t) => {
    const times = listTimes(createSchedule([steady(rate, 6)]));
    t.equal(times.length, 6 * rate);
    const wrong = times.filter((at, n) => Math.abs(at - (n * 1000) / rate) > 1e-6);
    t.strictSame(wrong, []);
  });
}

t.test('a ramp follows its rate', async (t) => {
  const ramp = { durationMs: 2_000, fromRate: 0, toRate: 0.1 };
  const drop = { durationMs: 0, fromRate: 0.1, toRate: 0.02 };
  const times = listTimes(createSchedule([ramp, steady(100, 1), drop, steady(20, 1)]));
  const between = (from: number, to: number) => times.filter((at) => at >= from && at < to).length;
  t.equal(times.length, 100 + 100 + 20);
  t.equal(between(0, 1_000), 25, 'a quarter of the ramp in its first half');
  t.equal(between(2_000, 3_000), 100);
  t.equal(between(3_000, 4_000), 20);
});

t.test('random arrivals are as many as planned, with the deviation of a Poisson process', async (t) => {
  const stage = steady(200, 5);
  const times = listTimes(scatter(createSchedule([stage]), countArrivals(stage), createRandom(1)));
  t.equal(times.length, 1_000);
  const gaps = times.slice(1).map((at, i) => at - (times[i] ?? 0));
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
  // 0 for even gaps, 1 for a Poisson process. The same seed makes the same gaps.
  t.ok(deviation / mean > 0.9 && deviation / mean < 1.1, `${deviation / mean}`);
});
