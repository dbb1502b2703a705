import t from 'tap';
import { arrivalLimitPerSecond, type EngineResult } from '../../k6/engine/run.ts';
import { runEngine } from '../k6/run-engine.ts';
import { openSink } from '../k6/sink.ts';

const scenario = (rate: number, seconds: number) => `
import http from 'k6/http';
export const options = { scenarios: { steady: {
  executor: 'constant-arrival-rate', rate: ${rate}, duration: '${seconds}s', preAllocatedVUs: 100, maxVUs: 2000 } } };
export default async () => { await http.asyncRequest('GET', __ENV['TARGET'] + '/', null, { tags: { name: 'steady' } }); };
`;

/** Returns the rate of these times (ms) by linear regression, so that a late first or last arrival does not change it. */
function fitRate(at: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const meanAt = mean(at);
  const meanIndex = (at.length - 1) / 2;
  let both = 0;
  let square = 0;
  for (const [i, each] of at.entries()) {
    both += (i - meanIndex) * (each - meanAt);
    square += (i - meanIndex) ** 2;
  }
  return 1000 / (both / square);
}

/** The engine cannot keep the rate while it waits for a core. */
function findDisturbance(result: EngineResult | undefined): string {
  const waited = Math.max(0, ...(result?.cpu ?? []).map(({ waitShare }) => waitShare));
  return waited > 0.05 ? `the generator waited for a core ${Math.round(waited * 100)} % of a second` : '';
}

for (const rate of [50, 400, arrivalLimitPerSecond]) {
  t.test(`a server receives ${rate} requests a second, within 1 %`, async (t) => {
    const sink = await openSink(t);
    const seconds = 6;
    const { code, output, result } = await runEngine(t, { text: scenario(rate, seconds) }, { TARGET: sink.url });
    t.equal(code, 0, output);
    const [steady] = result?.scenarios ?? [];
    t.equal(steady?.started, rate * seconds, 'every arrival sends one request');
    t.equal(steady?.dropped, 0);
    t.equal(sink.state.requests, rate * seconds);
    const due = fitRate(result?.requests.startMs ?? []);
    t.ok(Math.abs(due / rate - 1) <= 0.001, `configured ${rate}/s, due ${due.toFixed(2)}/s`);
    const seen = fitRate(sink.state.at);
    const skip = findDisturbance(result);
    t.ok(
      Math.abs(seen / rate - 1) <= 0.01,
      `configured ${rate}/s, received ${seen.toFixed(2)}/s`,
      skip === '' ? {} : { skip },
    );
  });
}

t.test('a ramp follows its rate', async (t) => {
  const sink = await openSink(t);
  const text = `
import http from 'k6/http';
export const options = { scenarios: { ramp: { executor: 'ramping-arrival-rate', startRate: 0, preAllocatedVUs: 50,
  stages: [{ duration: '2s', target: 100 }, { duration: '1s', target: 100 }, { duration: '0s', target: 20 }, { duration: '1s', target: 20 }] } } };
export default async () => { await http.asyncRequest('GET', __ENV['TARGET'] + '/', null, { tags: { name: 'ramp' } }); };
`;
  const { code, output, result } = await runEngine(t, { text }, { TARGET: sink.url });
  t.equal(code, 0, output);
  const starts = result?.requests.startMs ?? [];
  const between = (from: number, to: number) => starts.filter((at) => at >= from && at < to).length;
  t.equal(starts.length, 100 + 100 + 20);
  t.ok(Math.abs(between(0, 1000) - 25) <= 1, 'a quarter of the ramp in its first half');
  t.ok(Math.abs(between(2000, 3000) - 100) <= 1);
  t.ok(Math.abs(between(3000, 4000) - 20) <= 1);
});
