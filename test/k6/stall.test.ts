import t from 'tap';
import { runEngine } from './run-engine.ts';
import { openSink } from './sink.ts';

t.test('a server that stands still for a second is seen in p99, and nothing is dropped', async (t) => {
  let stallEndsAt = 0;
  const sink = await openSink(t, () => ({ delayMs: Math.max(0, stallEndsAt - performance.now()) }));
  const stall = setTimeout(() => {
    stallEndsAt = performance.now() + 1000;
  }, 5000);
  t.teardown(() => clearTimeout(stall));
  const text = `
import http from 'k6/http';
export const options = {
  scenarios: { steady: { executor: 'constant-arrival-rate', rate: 100, duration: '8s', preAllocatedVUs: 200 } },
  summaryTrendStats: ['med', 'p(99)', 'max'],
};
export default async () => { await http.asyncRequest('GET', __ENV['TARGET'] + '/', null, { tags: { name: 'steady' } }); };
`;
  const { code, output, result } = await runEngine(t, { text }, { TARGET: sink.url });
  t.equal(code, 0, output);
  t.equal(result?.scenarios[0]?.dropped, 0);
  t.equal(result?.scenarios[0]?.started, 800);
  // 100 of 800 arrivals fell into the stall, spread evenly over it: of the slowest hundredth the fastest waited 920 ms.
  const trueP99Ms = 1000 * (1 - 8 / 100);
  const values = result?.summary.metrics['http_req_duration']?.values;
  t.ok((values?.['p(99)'] ?? 0) >= 0.9 * trueP99Ms, `p99 ${values?.['p(99)']} ms of ${trueP99Ms}`);
  t.ok((values?.['med'] ?? 1000) < 100, `median ${values?.['med']} ms`);
});
