import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { runEngine } from './run-engine.ts';
import { openSink } from './sink.ts';

const small = {
  SECONDS: '1',
  WARM_UP_SECONDS: '1',
  RATE: '10',
  RATES: '10,20',
  STEPS: '2',
  JOURNEY: 'rankings',
  CONCURRENCY: '1,2',
};

t.test('every scenario runs', async (t) => {
  const sink = await openSink(t, () => ({ json: [] }));
  const files = readdirSync(join(rootFolder, 'k6')).filter((name) => name.endsWith('.ts'));
  t.equal(files.length, 9);
  const run = (file: string) => runEngine(t, { path: `k6/${file}` }, { ...small, TARGET: sink.url });
  const runs = [...(await Promise.all(files.slice(0, 4).map(run))), ...(await Promise.all(files.slice(4).map(run)))];
  for (const [i, { code, output, result }] of runs.entries()) {
    const file = files[i] ?? '';
    t.ok(code === 0 || (code === 99 && /http_req_duration/.test(output)), `${file}: ${code} ${output}`);
    t.equal(result?.scenarios[0]?.name, 'warm_up');
    t.equal(
      result?.scenarios.reduce((sum, { dropped }) => sum + dropped, 0),
      0,
      file,
    );
  }
});

t.test('the setup makes players, checks are counted, and the summary is written to SUMMARY', async (t) => {
  const sink = await openSink(t, ({ url }) => {
    if (url === '/api/auth/signup') return { status: 201, json: { id: 1 } };
    if (url === '/api/auth/login') return { json: { access_token: 'token' } };
    return url?.startsWith('/api/public/videos') ? { json: [{ id: 7 }, { id: 8 }] } : { status: 404 };
  });
  const folder = mkdtempSync(join(tmpdir(), 'summary-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'summary.json');
  const env = { ...small, TARGET: sink.url, JOURNEY: 'login', USERS: '3', SUMMARY: path };
  const { output } = await runEngine(t, { path: 'k6/average.ts' }, env);
  t.ok(existsSync(path), output);
  const summary = JSON.parse(readFileSync(path, 'utf8'));
  t.equal(summary.metrics.checks.values.passes, 20);
  t.equal(summary.metrics.http_reqs.values.count, 20 + 6, 'two for each player');
  t.match(output, /20 iterations, 0 dropped/);

  const votes = await runEngine(t, { path: 'k6/average.ts' }, { ...env, JOURNEY: 'vote', USERS: '3' });
  t.equal(votes.code, 108, 'three players and two videos are six votes, not twenty');
  t.match(votes.output, /3 players and 2 videos are too few/);
});

t.test('a target on another machine needs ALLOW_TARGET', async (t) => {
  const env = { ...small, TARGET: 'http://example.com' };
  const { code, output } = await runEngine(t, { path: 'k6/smoke.ts' }, env);
  t.equal(code, 107);
  t.match(output, /ALLOW_TARGET, got http:\/\/example\.com/);
});

t.test('an invalid number or list in a setting is rejected before any load', async (t) => {
  const sink = await openSink(t, () => ({ json: [] }));
  for (const [file, name, value] of [
    ['concurrency', 'CONCURRENCY', '4,x'],
    ['ramp', 'RATES', '10,,20'],
    ['concurrency', 'THINK_MS', ''],
    ['average', 'REST_SECONDS', '-1'],
  ] as const) {
    const { code, output } = await runEngine(
      t,
      { path: `k6/${file}.ts` },
      { ...small, TARGET: sink.url, [name]: value },
    );
    t.equal(code, 107, output);
    t.match(output, new RegExp(`Expected ${name} to be .*, got ${value}`));
  }
});
