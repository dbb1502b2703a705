import t from 'tap';
import { listPoints } from '../../capacity_planning/lib/load-points.ts';
import type { Step } from '../../capacity_planning/lib/report-schema.ts';
import { fitUsl, predict } from '../../capacity_planning/lib/usl.ts';
import { createRandom } from '../../k6/engine/random.ts';

const truth = { lambda: 100, sigma: 0.03, kappa: 0.002 };
const kneeConcurrency = Math.sqrt((1 - truth.sigma) / truth.kappa);
const kneePerSecond = predict(truth, kneeConcurrency);

function measure(concurrencies: readonly number[], noise = 0.02) {
  const random = createRandom(7);
  return concurrencies.map((concurrency) => ({
    concurrency,
    perSecond: predict(truth, concurrency) * (1 + noise * (2 * random() - 1)),
  }));
}

t.test('the fit recovers the coefficients despite noise, with the knee in its interval', (t) => {
  const model = fitUsl(measure([1, 2, 4, 8, 12, 16, 20, 26, 32, 40]));
  t.ok(model !== undefined && model.rmsShare <= 0.05);
  const knee = model?.knee;
  t.ok(Math.abs((knee?.perSecond ?? 0) / kneePerSecond - 1) < 0.03, `${knee?.perSecond} of ${kneePerSecond}`);
  t.ok((knee?.lowPerSecond ?? 0) <= kneePerSecond * 1.02 && (knee?.highPerSecond ?? 0) >= kneePerSecond * 0.98);
  t.end();
});

t.test('without saturation there is no knee, only the highest measured throughput', (t) => {
  const model = fitUsl([1, 2, 3, 4, 5].map((concurrency) => ({ concurrency, perSecond: 50 * concurrency })));
  t.equal(model?.knee, null);
  t.equal(model?.atLeastPerSecond, 250);
  t.end();
});

t.test('three points give no model', (t) => {
  t.equal(fitUsl(measure([1, 2, 4])), undefined);
  t.end();
});

t.test('a curve with a large fit error gives no knee and the reason', (t) => {
  const model = fitUsl(measure([1, 2, 4, 8, 12, 16, 20, 26, 32, 40], 0.4));
  t.ok((model?.rmsShare ?? 0) > 0.05);
  t.equal(model?.knee, null);
  t.equal(model?.withheld, 'bad-fit');
  t.end();
});

t.test('a curve that only flattens has its knee at 90 % of its asymptote', (t) => {
  const points = [0.25, 0.7, 1.5, 3, 6, 12, 24].map((concurrency) => ({
    concurrency,
    perSecond: (300 * concurrency) / (1 + concurrency),
  }));
  const model = fitUsl(points);
  t.equal(model?.withheld, null);
  t.ok(Math.abs((model?.knee?.perSecond ?? 0) / 270 - 1) < 0.02, `${model?.knee?.perSecond}`);
  t.end();
});

t.test('a repeated load is one point, the median of its steps', (t) => {
  const step = (vusLimit: number, completedPerSecond: number, phase = 'measured') =>
    ({ phase, vusLimit, completedPerSecond, offeredPerSecond: null, meanInFlight: vusLimit, samples: 9 }) as Step;
  const steps = [step(4, 1, 'warm_up'), step(8, 90), step(4, 50), step(8, 20), step(4, 52), step(8, 94)];
  t.strictSame(listPoints(steps), [
    { load: 4, concurrency: 4, perSecond: 51 },
    { load: 8, concurrency: 8, perSecond: 90 },
  ]);
  t.end();
});
