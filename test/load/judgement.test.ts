import t from 'tap';
import { describeReport } from '../../capacity_planning/lib/report-tables.ts';
import { rulesOf, runTestbed, step } from '../capacity/testbed.ts';
import { openSink } from '../k6/sink.ts';

t.test('a run is INVALID if iterations were dropped, all users were busy or the rate was not reached', async (t) => {
  const { url } = await openSink(t, () => ({ delayMs: 50 }));
  const scenarios = `{ ${step('slow', { rate: 10 })}, ${step('fast', { rate: 100, startSeconds: 1, vus: 2 })} }`;
  const report = await runTestbed(t, { url, scenarios });
  t.equal(report.judgement.verdict, 'INVALID');
  const rules = rulesOf(report);
  for (const rule of ['dropped-iterations', 'vus-exhausted', 'rate-not-reached'])
    t.ok(rules.includes(rule), `${rule} in ${rules}`);
});

t.test('a run is INVALID if the generator used its whole core, was late or exceeded its limit', async (t) => {
  const { url } = await openSink(t);
  const before = 'const until = Date.now() + 15; while (Date.now() < until);';
  const report = await runTestbed(t, {
    url,
    scenarios: `{ ${step('busy', { rate: 80, seconds: 3, vus: 300 })} }`,
    before,
  });
  t.equal(report.judgement.verdict, 'INVALID');
  t.ok(rulesOf(report, []).includes('generator-late'), `${report.generator.latenessP99Ms} ms late`);
  t.ok(rulesOf(report, []).includes('generator-cpu'), `${report.generator.cpuBusyShareMax} of its core`);
  const beyond = await runTestbed(t, {
    url,
    scenarios: `{ ${step('beyond', { rate: 1500, seconds: 1, vus: 3000 })} }`,
  });
  t.ok(rulesOf(beyond).includes('generator-limit'));
  t.match(describeReport(beyond).sentences.join(' '), /Capacity: >= \d+ \/s; the generator reached its limit/);
});

t.test('a note names a saturated closed loop', async (t) => {
  const { url } = await openSink(t, () => ({ delayMs: 40 }));
  const report = await runTestbed(t, {
    url,
    scenarios: `{ loop: { executor: 'constant-vus', vus: 5, duration: '2s', tags: { phase: 'measured' } } }`,
  });
  t.match(report.judgement.notes.join(), /throughput = users \/ latency .* a saturated closed loop/);
  const open = await runTestbed(t, { url, scenarios: `{ ${step('open', { rate: 20 })} }` });
  t.notMatch(open.judgement.notes.join(), /closed loop/);
});
