import t from 'tap';
import { listPoints } from '../../capacity_planning/lib/load-points.ts';
import { fitUsl, predict } from '../../capacity_planning/lib/usl.ts';
import { createRandom } from '../../k6/engine/random.ts';
import { runTestbed } from '../capacity/testbed.ts';
import { openSink } from '../k6/sink.ts';

t.test(
  'against a server that follows the law, the fit error is below 5 % and half of the steps predict the knee within 10 %',
  async (t) => {
    const slow = { lambda: 8, sigma: 0.02, kappa: 0.004 };
    const random = createRandom(3);
    // Service times are long compared with timers and other load, and random, so that users do not synchronize.
    const serviceMs = (concurrency: number) =>
      ((1000 * concurrency) / predict(slow, concurrency)) * (0.8 + 0.4 * random());
    const { url } = await openSink(t, (_request, concurrency) => ({ delayMs: serviceMs(concurrency) }));
    const users = [1, 2, 4, 6, 8, 12, 16, 20, 26, 32];
    const scenarios = users.map((vus, i) => {
      const timing = `startTime: '${i * 5.5}s', gracefulStop: '0s', tags: { phase: 'measured' }`;
      return `users_${vus}: { executor: 'constant-vus', vus: ${vus}, duration: '5s', ${timing} }`;
    });
    const report = await runTestbed(t, { url, scenarios: `{ ${scenarios.join(', ')} }` });
    const points = listPoints(report.steps);
    const whole = fitUsl(points);
    t.equal(whole?.points, users.length);
    t.ok((whole?.rmsShare ?? 1) <= 0.05, `rms ${whole?.rmsShare}`);
    const half = fitUsl(points.filter((_, i) => i % 2 === 0));
    const measured = Math.max(...points.filter((_, i) => i % 2 === 1).map(({ perSecond }) => perSecond));
    const predicted = half?.knee?.perSecond ?? 0;
    const figures = `predicted ${predicted.toFixed(1)}, measured ${measured.toFixed(1)}`;
    t.comment(`${figures}, rms ${((whole?.rmsShare ?? 1) * 100).toFixed(1)} %`);
    t.ok(Math.abs(predicted / measured - 1) <= 0.1, figures);
  },
);
