import t from 'tap';
import { runEngine } from './run-engine.ts';
import { openSink } from './sink.ts';

t.test('a stall of the server for one second shows in p99, and no arrival is dropped', async (t) => {
  let stallEndsAt: number | undefined;
  let requests = 0;
  const sink = await openSink(t, () => {
    requests += 1;
    if (requests === 100) stallEndsAt = performance.now() + 1000;
    return { delayMs: Math.max(0, (stallEndsAt ?? 0) - performance.now()) };
  });
  const text = `
import http from 'k6/http';
export const options = {
  scenarios: { steady: { executor: 'constant-arrival-rate', rate: 100, duration: '4s', preAllocatedVUs: 400 } },
  summaryTrendStats: ['p(99)'],
};
export default async () => { await http.asyncRequest('GET', __ENV['TARGET'] + '/', null, { tags: { name: 'steady' } }); };
`;
  const { code, output, result } = await runEngine(t, { text }, { TARGET: sink.url });
  t.equal(code, 0, output);
  t.equal(result?.scenarios[0]?.dropped, 0);
  t.equal(result?.scenarios[0]?.started, 400);
  // 100 of 400 arrivals fall evenly into the stall, so p99 is about 960 ms.
  // A generator that waits for the server would send one slow request of 300 and have a p99 of milliseconds.
  const values = result?.summary.metrics['http_req_duration']?.values;
  t.ok((values?.['p(99)'] ?? 0) > 500, `p99 ${values?.['p(99)']} ms`);
});
