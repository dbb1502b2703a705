import t from 'tap';
import { runEngine } from './run-engine.ts';
import { openSink } from './sink.ts';

const scenarios = `{ s: { executor: 'constant-arrival-rate', rate: 20, duration: '500ms', preAllocatedVUs: 5 } }`;
const empty = 'export default async () => {};';

t.jobs = 4;

for (const { what, text, code, says } of [
  {
    what: 'an unknown option of k6',
    text: `export const options = { scenarios: ${scenarios}, rps: 5 }; ${empty}`,
    code: 104,
    says: /option rps is not part of this engine/,
  },
  {
    what: 'an unknown option of a scenario',
    text: `export const options = { scenarios: { s: { executor: 'constant-vus', vus: 1, duration: '1s', maxDuration: '2s' } } }; ${empty}`,
    code: 104,
    says: /scenario s the option maxDuration is not/,
  },
  {
    what: 'an unknown executor',
    text: `export const options = { scenarios: { s: { executor: 'ramping-vus', stages: [] } } }; ${empty}`,
    code: 104,
    says: /executor ramping-vus of scenario s is not/,
  },
  {
    what: 'an unknown module',
    text: `import ws from 'k6/ws'; export const options = { scenarios: ${scenarios} }; export default () => ws;`,
    code: 107,
    says: /module k6\/ws is not part of this engine/,
  },
  {
    what: 'an unknown function of a module',
    text: `import http from 'k6/http'; export const options = { scenarios: ${scenarios} }; export default () => { http.get('http://127.0.0.1:1/'); };`,
    code: 104,
    says: /http\.get is not part of this engine/,
  },
  {
    what: 'an unknown request parameter',
    text: `import http from 'k6/http'; export const options = { scenarios: ${scenarios} };
      export default async () => { await http.asyncRequest('GET', 'http://127.0.0.1:1/', null, { auth: 'basic' }); };`,
    code: 104,
    says: /request parameter auth is not/,
  },
  {
    what: 'a threshold on a statistic that the metric does not have',
    text: `export const options = { scenarios: ${scenarios}, thresholds: { iterations: ['p(95)<1'] } }; ${empty}`,
    code: 104,
    says: /p\(95\) of iterations is not/,
  },
  {
    what: 'a file opened after the script was loaded',
    text: `export const options = { scenarios: ${scenarios} }; export default () => { open('/etc/hostname'); };`,
    code: 104,
    says: /open\(\/etc\/hostname\) after the script was loaded/,
  },
]) {
  t.test(`${what} is rejected by its name`, { buffered: true }, async (t) => {
    const run = await runEngine(t, { text });
    t.equal(run.code, code);
    t.match(run.output, says);
  });
}

for (const { args, says } of [
  { args: ['--threads', '1.5'], says: /--threads to be a whole number from 1 to 64, got 1\.5/ },
  { args: ['-e', 'RATE'], says: /-e to be like NAME=VALUE, got RATE/ },
  { args: ['--out', '/nowhere/out.json'], says: /--out to be in a writable folder/ },
  { args: ['another.ts'], says: /^Usage:/ },
]) {
  t.test(`${args.join(' ')} is rejected before the load`, { buffered: true }, async (t) => {
    const run = await runEngine(t, { text: `export const options = { scenarios: ${scenarios} }; ${empty}` }, {}, args);
    t.equal(run.code, 104);
    t.match(run.output, says);
  });
}

t.test('a load of zero length is rejected', async (t) => {
  const none = scenarios.replace('500ms', '0s');
  const run = await runEngine(t, { text: `export const options = { scenarios: ${none} }; ${empty}` });
  t.equal(run.code, 104);
  t.match(run.output, /duration of s = "0s" .* expected a time above 0/);
});

t.test('the exit codes are those of k6', async (t) => {
  const sink = await openSink(t, () => ({ status: 500 }));
  const call = `await http.asyncRequest('GET', __ENV['TARGET'] + '/', null, { tags: { name: 'x' } });`;
  const head = `import http from 'k6/http'; import exec from 'k6/execution';`;
  const long = scenarios.replace('500ms', '100000s');
  const threshold = `http_req_failed: [{ threshold: 'rate<0.5', abortOnFail: true, delayAbortEval: '500ms' }]`;
  const aborting = `${head} export const options = { scenarios: ${long}, thresholds: { ${threshold} } }; export default async () => { ${call} };`;
  const aborted = await runEngine(t, { text: aborting }, { TARGET: sink.url });
  t.equal(aborted.code, 99, 'a threshold failed, and ended the run early');
  t.match(aborted.output, /http_req_failed broke rate<0\.5/);

  const stopping = `${head} export const options = { scenarios: ${scenarios} }; export default () => { exec.test.abort('enough'); };`;
  const stopped = await runEngine(t, { text: stopping });
  t.equal(stopped.code, 108, 'the script aborted');
  t.match(stopped.output, /enough/);

  const slow = `export const options = { scenarios: ${scenarios}, setupTimeout: '200ms' };
    export const setup = () => new Promise(() => {}); export default async () => {};`;
  t.equal((await runEngine(t, { text: slow })).code, 100, 'setup took too long');
  t.equal((await runEngine(t, { text: 'syntax error' })).code, 107, 'the script is broken');
});
