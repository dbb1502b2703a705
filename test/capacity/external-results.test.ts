import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { judgeExternalResults } from '../../capacity_planning/lib/external-results.ts';
import { readExternalResults } from '../../capacity_planning/lib/read-external-results.ts';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { tryTool } from '../../scripts/lib/run-tool.ts';
import { makeFolder } from './testbed.ts';

const jmeterHead =
  'timeStamp,elapsed,label,responseCode,responseMessage,threadName,success,bytes,grpThreads,allThreads';

/** `users` threads, each of which sends its next request after the response and a pause. */
function makeJmeter(users: number, each: number, elapsedMs: number, pauseMs: number, success = 'true'): string {
  const rows = Array.from({ length: users * each }, (_, i) => {
    const at = 1_000_000 + Math.floor(i / users) * (elapsedMs + pauseMs);
    return `${at},${elapsedMs},"upload, big",200,OK,t 1-${i % users},${success},10,${users},${users}`;
  });
  return [jmeterHead, ...rows].join('\n');
}

t.test('JMeter: the verdict names a saturated closed loop and a route whose requests all failed', (t) => {
  const loop = judgeExternalResults(readExternalResults(makeJmeter(10, 120, 100, 0)));
  t.equal(loop.supportsClaim, false);
  t.match(loop.cannot.join('\n'), /throughput = users \/ latency .* a saturated closed loop/);
  const failed = judgeExternalResults(readExternalResults(makeJmeter(10, 120, 100, 900, 'false')));
  t.match(failed.cannot.join('\n'), /upload, big: every request failed \(1200 of 1200\)/);
  const paced = judgeExternalResults(readExternalResults(makeJmeter(10, 120, 100, 900)));
  t.strictSame(paced.cannot, []);
  t.equal(paced.supportsClaim, true);
  t.match(paced.can.join('\n'), /upload, big: p99 was 100\.0 ms/);
  const hurried = judgeExternalResults(readExternalResults(makeJmeter(10, 120, 100, 50)));
  t.match(hurried.cannot.join('\n'), /10 users waited for responses 6\d\.\d % of their time/);
  t.throws(() => readExternalResults(makeJmeter(10, 120, -5, 900)), /elapsed to be a number of 0 or more .* got -5/);
  t.match(judgeExternalResults(readExternalResults(jmeterHead)).cannot.join('\n'), /the file has no request/);
  t.end();
});

t.test('Locust: percentiles are read, the file has no users, and a row without percentiles is an average', (t) => {
  const head = 'Type,Name,Request Count,Failure Count,Median Response Time,Average Response Time,Requests/s,95%,99%';
  const text = [
    head,
    'POST,/vote,5000,0,10,12.5,50,20,40',
    'GET,/rare,50,0,10,12,0.5,20,40',
    ',Aggregated,5050,0,10,12,50.5,20,40',
  ].join('\n');
  const { can, cannot, supportsClaim } = judgeExternalResults(readExternalResults(text));
  t.equal(supportsClaim, false);
  t.match(can.join('\n'), /POST \/vote: p99 was 40\.0 ms/);
  t.match(cannot.join('\n'), /GET \/rare: 50 samples are too few/);
  t.match(cannot.join('\n'), /the file does not report it/);
  const averages = [head.replace(',95%,99%', ''), 'POST,/vote,5000,0,10,12.5,50'].join('\n');
  t.match(
    judgeExternalResults(readExternalResults(averages)).cannot.join('\n'),
    /average of 12\.5 ms without percentiles/,
  );
  t.throws(
    () => readExternalResults(text.replace('5000', 'abc')),
    /Request Count to be a number of 0 or more .* got abc/,
  );
  t.end();
});

t.test('k6: arrivals without dropped iterations support a claim, arrivals with dropped iterations do not', (t) => {
  const metrics = (dropped: number) => ({
    http_reqs: { values: { count: 3000, rate: 100 } },
    http_req_failed: { values: { rate: 0 } },
    http_req_duration: { values: { avg: 5, 'p(95)': 9, 'p(99)': 12 } },
    dropped_iterations: { values: { count: dropped, rate: 0 } },
  });
  t.strictSame(judgeExternalResults(readExternalResults(JSON.stringify({ metrics: metrics(0) }))).cannot, []);
  t.match(
    judgeExternalResults(readExternalResults(JSON.stringify({ metrics: metrics(5) }))).cannot.join(),
    /5 iterations were dropped/,
  );
  const { http_req_duration: _tails, ...others } = metrics(0);
  const usual = { ...others, http_req_duration: { values: { avg: 5, 'p(95)': 9 } } };
  const { supportsClaim, notes } = judgeExternalResults(readExternalResults(JSON.stringify({ metrics: usual })));
  t.equal(supportsClaim, true);
  t.strictSame(notes, ['all routes: the file has no p99.']);
  t.end();
});

t.test('the error for an unknown file says what was found', (t) => {
  t.throws(() => readExternalResults('<testResults/>'), /got XML/);
  t.throws(() => readExternalResults('{"metrics":{}}'), /got other JSON/);
  t.throws(() => readExternalResults('a,b\n1,2\n'), /got the columns a, b/);
  t.throws(() => readExternalResults(''), /got the columns none/);
  t.throws(() => readExternalResults('\0\x01binary'), /got a binary file/);
  t.end();
});

t.test('judge exits with 0 only for a file that supports a claim', async (t) => {
  const folder = makeFolder(t);
  const judge = async (text: string) => {
    const path = join(folder, 'file');
    writeFileSync(path, text);
    const main = join(rootFolder, 'dist', 'capacity_planning', 'main.js');
    return tryTool(process.execPath, [main, 'judge', path], { env: { ...process.env, NODE_OPTIONS: '' } });
  };
  t.equal((await judge(makeJmeter(10, 120, 100, 900))).code, 0);
  t.equal((await judge(makeJmeter(10, 120, 100, 0))).code, 3);
  const other = await judge('a,b\n1,2\n');
  t.equal(other.code, 2);
  t.match(other.output, /file: Expected a file of JMeter/);
});
