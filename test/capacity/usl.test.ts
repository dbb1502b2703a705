import t from 'tap';
import { createRandom } from '../../capacity_planning/lib/random.ts';
import { fitUsl, predict } from '../../capacity_planning/lib/usl.ts';
import { openSink } from '../k6/sink.ts';
import { runRig } from './rig.ts';

const truth = { lambda: 100, sigma: 0.03, kappa: 0.002 };
const kneeInFlight = Math.sqrt((1 - truth.sigma) / truth.kappa);
const kneePerSecond = predict(truth, kneeInFlight);

function measure(places: readonly number[], noise = 0.02) {
  const random = createRandom(7);
  return places.map((inFlight) => ({
    inFlight,
    perSecond: predict(truth, inFlight) * (1 + noise * (2 * random() - 1)),
  }));
}

t.test('the law is found again through noise, with the knee in its interval', (t) => {
  const model = fitUsl(measure([1, 2, 4, 8, 12, 16, 20, 26, 32, 40]));
  t.ok(model !== undefined && model.rmsShare <= 0.05);
  const knee = model?.knee;
  t.ok(Math.abs((knee?.perSecond ?? 0) / kneePerSecond - 1) < 0.03, `${knee?.perSecond} of ${kneePerSecond}`);
  t.ok((knee?.lowPerSecond ?? 0) <= kneePerSecond * 1.02 && (knee?.highPerSecond ?? 0) >= kneePerSecond * 0.98);
  t.end();
});

t.test('a curve that has not bent is at least what was seen', (t) => {
  const model = fitUsl([1, 2, 3, 4, 5].map((inFlight) => ({ inFlight, perSecond: 50 * inFlight })));
  t.equal(model?.knee, null);
  t.equal(model?.atLeastPerSecond, 250);
  t.end();
});

t.test('three points are too few', (t) => {
  t.equal(fitUsl(measure([1, 2, 4])), undefined);
  t.end();
});

t.test(
  'against a server that obeys the law: rms within 5 %, the knee from half of the steps within 10 % of the one measured',
  async (t) => {
    // Times long beside a timer's millisecond and a busy machine's delays.
    const slow = { lambda: 8, sigma: 0.02, kappa: 0.004 };
    const serviceMs = (inFlight: number) => (1000 * inFlight) / predict(slow, inFlight);
    const { url } = await openSink(t, (_request, inFlight) => ({ delayMs: serviceMs(inFlight) }));
    const users = [1, 2, 4, 8, 12, 16, 24, 32];
    const scenarios = users.map((vus, i) => {
      const place = `startTime: '${i * 3}s', gracefulStop: '0s', tags: { phase: 'measured' }`;
      return `users_${vus}: { executor: 'constant-vus', vus: ${vus}, duration: '2500ms', ${place} }`;
    });
    const report = await runRig(t, { url, scenarios: `{ ${scenarios.join(', ')} }` });
    const points = report.steps.map((step) => ({
      inFlight: step.meanInFlight,
      perSecond: step.samples / step.seconds,
    }));
    const whole = fitUsl(points);
    t.ok((whole?.points ?? 0) >= 7);
    t.ok((whole?.rmsShare ?? 1) <= 0.05, `rms ${whole?.rmsShare}`);
    const half = fitUsl(points.filter((_, i) => i % 2 === 0));
    const measured = Math.max(...points.filter((_, i) => i % 2 === 1).map(({ perSecond }) => perSecond));
    const predicted = half?.knee?.perSecond ?? 0;
    t.ok(
      Math.abs(predicted / measured - 1) <= 0.1,
      `predicted ${predicted.toFixed(1)}, measured ${measured.toFixed(1)}`,
    );
  },
);
