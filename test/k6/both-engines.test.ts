import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { findOnPath, runTool } from '../../scripts/lib/run-tool.ts';
import { runEngine } from './run-engine.ts';
import { openSink } from './sink.ts';

const k6 = process.env['K6_PATH'] ?? findOnPath('k6');

t.test(
  'k6 and the engine report the same summary of the smoke scenario',
  { skip: k6 === undefined ? 'needs k6 in K6_PATH or on the PATH' : false },
  async (t) => {
    const sink = await openSink(t, () => ({ json: [] }));
    const folder = mkdtempSync(join(tmpdir(), 'engines-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const env = { SECONDS: '2', WARM_UP_SECONDS: '1', RATE: '5', JOURNEY: 'rankings', TARGET: sink.url };
    const [ofK6, ofEngine] = [join(folder, 'k6.json'), join(folder, 'engine.json')];
    const pairs = Object.entries({ ...env, SUMMARY: ofK6 }).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
    await runTool(k6 ?? '', ['run', ...pairs, join(rootFolder, 'k6', 'smoke.ts')], { timeoutMs: 60_000 });
    const { code, output } = await runEngine(t, { path: 'k6/smoke.ts' }, { ...env, SUMMARY: ofEngine });
    t.equal(code, 0, output);
    const [a, b] = [ofK6, ofEngine].map((path) => JSON.parse(readFileSync(path, 'utf8')));
    for (const name of ['iterations', 'http_reqs', 'checks', 'http_req_failed']) {
      t.strictSame(Object.keys(b.metrics[name].values).sort(), Object.keys(a.metrics[name].values).sort(), name);
    }
    t.equal(b.metrics.iterations.values.count, a.metrics.iterations.values.count);
    t.equal(b.metrics.checks.values.passes, a.metrics.checks.values.passes);
    t.strictSame(
      Object.keys(b.metrics.http_req_duration.values).sort(),
      Object.keys(a.metrics.http_req_duration.values).sort(),
    );
  },
);
