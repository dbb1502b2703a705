import t from 'tap';
import { concurrencyOf, thinkSecondsOf } from '../../capacity_planning/lib/load-points.ts';
import { runPlan } from '../../capacity_planning/lib/run-plan.ts';
import { makeFolder, runTestbed, step } from '../capacity/testbed.ts';
import { openSink } from '../k6/sink.ts';

t.test('a backlog counts in the step that serves it, not in the step that started it', async (t) => {
  const { url } = await openSink(t, () => ({ delayMs: 1500 }));
  const scenarios = `{ ${step('full', { rate: 40 })}, ${step('after', { rate: 2, seconds: 2, startSeconds: 1 })} }`;
  const { steps } = await runTestbed(t, { url, scenarios });
  const [full, after] = steps;
  t.equal(full?.completedPerSecond, 0, 'no request ends within the step');
  t.ok((after?.completedPerSecond ?? 0) >= 20, `${after?.completedPerSecond}/s completed in the next step`);
  t.ok((after?.meanInFlight ?? 0) > 19, `${after?.meanInFlight} in flight, nearly all of the step before`);
});

t.test('users who think count as users but not as requests in flight, and steps may have pauses', async (t) => {
  const { url } = await openSink(t, () => ({ delayMs: 50, json: [] }));
  const env = { CONCURRENCY: '30,10', THINK_MS: '200', SECONDS: '4', REST_SECONDS: '1', WARM_UP_SECONDS: '0' };
  const { steps } = await runPlan({
    plan: { name: 'thinking', scenario: 'concurrency', claims: [], env: { JOURNEY: 'rankings', ...env } },
    ...{ baseUrl: url, metricsUrls: [], folder: makeFolder(t), command: 'test', threads: 1, say: () => undefined },
  });
  t.strictSame(
    steps.map(({ startSeconds, seconds }) => [startSeconds, seconds]),
    [
      [0, 4],
      [5, 4],
    ],
  );
  t.strictSame(steps.map(concurrencyOf), [30, 10]);
  for (const measured of steps) {
    const { meanInFlight, vusLimit, latencyMs, completedPerSecond } = measured;
    const waiting = (completedPerSecond * (latencyMs?.mean ?? 0)) / 1000;
    t.ok(Math.abs(meanInFlight / waiting - 1) < 0.1, `${meanInFlight} in flight of ${vusLimit} users`);
    const thinkMs = 1000 * thinkSecondsOf(measured);
    t.ok(thinkMs > 100 && thinkMs < 400, `${thinkMs} ms think time`);
  }
});
