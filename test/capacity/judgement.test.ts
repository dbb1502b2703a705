import t from 'tap';
import { judgeReport } from '../../capacity_planning/lib/judge-report.ts';
import { readSlo } from '../../capacity_planning/lib/slo.ts';
import { openSink } from '../k6/sink.ts';
import { rulesOf, runTestbed, step } from './testbed.ts';

t.test('a valid run passes, and the same run with a broken objective fails', async (t) => {
  const { url } = await openSink(t);
  const scenarios = `{ ${step('warm_up', { phase: 'warm_up' })}, ${step('steady', { rate: 200, startSeconds: 1, vus: 1000 })} }`;
  const report = await runTestbed(t, {
    url,
    scenarios,
    claims: [95],
    thresholds: `{ http_req_duration: ['p(95)<0.0001'], http_reqs: ['count>1'] }`,
  });
  t.strictSame(rulesOf(report), ['objective']);
  const calm = { ...report, generator: { ...report.generator, cpuBusyShareMax: 0.1, latenessP99Ms: 1 } };
  t.equal(judgeReport(calm, readSlo()).verdict, 'FAIL');
  const kept = {
    ...calm,
    thresholds: calm.thresholds.filter(({ ok }) => ok),
    generator: { ...calm.generator, exitCode: 0 },
  };
  t.equal(judgeReport(kept, readSlo()).verdict, 'PASS');
});

t.test('a run without a warm-up and with too few samples is INVALID', async (t) => {
  const { url } = await openSink(t);
  const report = await runTestbed(t, { url, scenarios: `{ ${step('short')} }`, claims: [99] });
  t.strictSame(rulesOf(report), ['no-warm-up', 'too-few-samples']);
  t.match(report.judgement.reasons.map(({ text }) => text).join(), /work: 50 samples, p99 needs 1000/);
});

t.test('a run is INVALID if the clock differs, an instance restarts or builds differ', async (t) => {
  let scrapes = 0;
  const { url } = await openSink(t, (request) => {
    const date = new Date(Date.now() + 5000).toUTCString();
    if (request.url !== '/metrics') return { headers: { date } };
    scrapes += 1;
    const build = `competition_build_info{version="${scrapes > 1 ? '2' : '1'}",node="v20"} 1`;
    return { text: `process_start_time_seconds ${1000 + scrapes}\n${build}\n` };
  });
  const report = await runTestbed(t, { url, metricsUrls: [`${url}/metrics`], scenarios: `{ ${step('short')} }` });
  t.strictSame(rulesOf(report), ['clock', 'build-differs', 'instance-restarted']);
});

t.test('a run that measured only its warm-up is INVALID', async (t) => {
  const { url } = await openSink(t);
  const report = await runTestbed(t, { url, scenarios: `{ ${step('warm_up', { phase: 'warm_up' })} }` });
  t.strictSame(rulesOf(report), ['nothing-measured']);
});
