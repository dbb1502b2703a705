import t from 'tap';
import { runEngine } from './run-engine.ts';
import { openSink } from './sink.ts';

t.test('a stall of the server shows in p99, and no arrival is dropped', async (t) => {
  let requests = 0;
  let endStall: () => void = () => undefined;
  const stall = new Promise<void>((resolve) => {
    endStall = resolve;
  });
  // The server stalls from the 100th request until a second after the 200th. A generator that waited for the
  // server would never send the 200th: then the limit of the run's time fails the test.
  const sink = await openSink(t, () => {
    requests += 1;
    if (requests === 200) setTimeout(endStall, 1000);
    return requests >= 100 ? { after: stall } : {};
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
  // At least 100 of 400 requests waited for a second or longer.
  const values = result?.summary.metrics['http_req_duration']?.values;
  t.ok((values?.['p(99)'] ?? 0) > 500, `p99 ${values?.['p(99)']} ms`);
});
