import t from 'tap';
import { runEngine } from './run-engine.ts';
import { openSink } from './sink.ts';

const scenario = (rate: number, seconds: number) => `
import http from 'k6/http';
export const options = { scenarios: { steady: {
  executor: 'constant-arrival-rate', rate: ${rate}, duration: '${seconds}s', preAllocatedVUs: 100, maxVUs: 2000 } } };
export default async () => { await http.asyncRequest('GET', __ENV['TARGET'] + '/', null, { tags: { name: 'steady' } }); };
`;

// test/load measures how exactly the rate is kept.
t.test('every arrival sends one request', async (t) => {
  const sink = await openSink(t);
  const { code, output, result } = await runEngine(t, { text: scenario(100, 2) }, { TARGET: sink.url });
  t.equal(code, 0, output);
  const [steady] = result?.scenarios ?? [];
  t.equal(steady?.started, 200);
  t.equal(steady?.dropped, 0);
  t.equal(sink.state.requests, 200);
});

t.test('the arrivals of a ramp are the integral of its rate', async (t) => {
  const sink = await openSink(t);
  const text = `
import http from 'k6/http';
export const options = { scenarios: { ramp: { executor: 'ramping-arrival-rate', startRate: 0, preAllocatedVUs: 100, maxVUs: 1000,
  stages: [{ duration: '1s', target: 100 }, { duration: '1s', target: 100 }, { duration: '0s', target: 20 }, { duration: '1s', target: 20 }] } } };
export default async () => { await http.asyncRequest('GET', __ENV['TARGET'] + '/', null, { tags: { name: 'ramp' } }); };
`;
  const { code, output, result } = await runEngine(t, { text }, { TARGET: sink.url });
  t.equal(code, 0, output);
  t.equal(result?.scenarios[0]?.started, 50 + 100 + 20);
  t.equal(sink.state.requests, 50 + 100 + 20);
});

t.test('two threads share one rate', async (t) => {
  const sink = await openSink(t);
  const { code, output, result } = await runEngine(t, { text: scenario(100, 2) }, { TARGET: sink.url }, [
    '--threads',
    '2',
  ]);
  t.equal(code, 0, output);
  t.equal(result?.scenarios[0]?.started, 200);
  t.equal(sink.state.requests, 200);
});

t.test('random arrivals are as many as planned and unevenly spaced', async (t) => {
  const sink = await openSink(t);
  const { code, output, result } = await runEngine(t, { text: scenario(200, 3) }, { TARGET: sink.url }, [
    '--arrivals',
    'random',
    '--threads',
    '2',
  ]);
  t.equal(code, 0, output);
  const starts = [...(result?.requests.startMs ?? [])].sort((a, b) => a - b);
  t.equal(starts.length, 600, 'each arrival belongs to one of the two threads');
  const gaps = starts.slice(1).map((at, i) => at - (starts[i] ?? 0));
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
  // 0 for even gaps, 1 for a Poisson process, more on a busy machine.
  t.ok(deviation / mean > 0.5, `gaps of ${mean.toFixed(2)} ms deviate by ${deviation.toFixed(2)}`);
  const wrong = await runEngine(t, { text: scenario(1, 1) }, { TARGET: sink.url }, ['--arrivals', 'bursts']);
  t.equal(wrong.code, 104);
  t.match(wrong.output, /Expected --arrivals to be even or random, got bursts/);
});

t.test('an arrival that cannot start is counted as dropped', async (t) => {
  const sink = await openSink(t, () => ({ delayMs: 200 }));
  const text = scenario(50, 2).replace('preAllocatedVUs: 100, maxVUs: 2000', 'preAllocatedVUs: 1, maxVUs: 2');
  const { result } = await runEngine(t, { text }, { TARGET: sink.url });
  const [steady] = result?.scenarios ?? [];
  t.equal((steady?.started ?? 0) + (steady?.dropped ?? 0), 100);
  t.ok((steady?.dropped ?? 0) >= 75, `${steady?.dropped} dropped`);
  t.equal(steady?.vusPeak, 2);
  t.equal(result?.summary.metrics['dropped_iterations']?.values['count'], steady?.dropped);
});
