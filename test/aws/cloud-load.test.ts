import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readJobs } from '../../cloud_load_testing/lib/jobs.ts';
import { runTool, tryTool } from '../../scripts/lib/run-tool.ts';
import { waitFor } from '../../scripts/lib/wait.ts';
import { createEnvironment } from '../support/environment.ts';
import { startService } from '../support/service.ts';
import { openCommands, releaseBucket } from './support/commands.ts';

/** A short run with little load, because the test checks how results are collected. */
const plan = {
  name: 'short',
  scenario: 'average',
  claims: [],
  env: { JOURNEY: 'rankings', RATE: '20', SECONDS: '3', WARM_UP_SECONDS: '1', VUS: '20' },
};

t.test(
  'a run creates its generator, collects its results, adds CloudWatch’s metrics, and deletes the generator',
  async (t) => {
    const environment = await createEnvironment(t);
    const service = await startService(t, environment);
    const { folder, account, aws, run } = await openCommands(t);
    const planPath = join(folder, 'plan.json');
    writeFileSync(planPath, JSON.stringify(plan));
    const out = join(folder, 'out');
    const load = (...args: string[]) =>
      run('cloud_load_testing/run', [...args, '--plan', planPath, '--out', out, 'web-layer']);
    t.match((await load('--dry-run')).output, /Expected a stack anb in us-west-2, got none/);
    writeFileSync(join(folder, '1.sha256'), `${'0'.repeat(64)}\n`);
    await aws('s3', 'mb', `s3://${releaseBucket}`);
    await aws('s3', 'cp', '--quiet', join(folder, '1.sha256'), `s3://${releaseBucket}/releases/`);
    t.equal((await run('scripts/aws/deploy', ['--yes', '1'])).code, 0);
    t.match((await load('--dry-run')).output, /RateLimits=off, got on/);
    t.equal((await run('scripts/aws/deploy', ['--yes', '1', 'RateLimits=off'])).code, 0);

    await t.test('a dry run packs, prints the cost, and creates nothing', async (t) => {
      const dry = await load('--dry-run');
      t.equal(dry.code, 0, dry.output);
      t.match(dry.output, /USD[\s\S]*would run: aws cloudformation deploy --stack-name anb-load/);
      t.strictSame(dry.changes, []);
      t.notOk(existsSync(out));
    });

    const running = load('--yes', '--settle', '0');
    await generate();
    const { code, output, stdout } = await running;
    t.equal(code, 0, output);
    t.equal(stdout.trim().split('\n').at(-1), out);
    t.strictSame(account.changes, ['CreateChangeSet anb-load', 'DeleteStack anb-load']);

    await t.test('the folder has facts, summary and one report', async (t) => {
      t.strictSame(readdirSync(out).sort(), ['facts.json', 'report.html', 'report.json', 'report.md', 'summary.json']);
      const facts = JSON.parse(readFileSync(join(out, 'facts.json'), 'utf8'));
      t.match(facts, {
        schema: 'cloud-load-facts/v1',
        scenario: 'web-layer',
        stack: { name: 'anb', parameters: { ReleaseVersion: '1', RateLimits: 'off' } },
        plan: { name: 'short' },
      });
      const series = new Map<string, [string, number][]>(
        facts.cloudWatch.series.map(({ name, points }: { name: string; points: [string, number][] }) => [name, points]),
      );
      t.strictSame(
        series.get('web memory %')?.map(([, value]) => value),
        [41],
      );
      t.strictSame(series.get('balancer requests'), [], 'what was not told is no zero');
      const summary = JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8'));
      t.equal(summary.metrics.iterations.values.count, 80);
      for (const name of ['report.md', 'report.html']) {
        const text = readFileSync(join(out, name), 'utf8');
        t.match(text, /CloudWatch metrics, by minute/);
        t.match(text, /web memory %/);
      }
    });

    /** Does what the instance would do, with only the files in the archive. */
    async function generate(): Promise<void> {
      const kit = join(folder, 'kit');
      const told = join(folder, 'told');
      for (const each of [kit, told]) mkdirSync(each);
      let key = '';
      await waitFor(
        'the generator to be made',
        async () => {
          key = /load\/\S+kit\.tgz/.exec(await aws('s3', 'ls', '--recursive', `s3://${releaseBucket}`))?.[0] ?? '';
          return key !== '' && account.changes.includes('CreateChangeSet anb-load');
        },
        { timeoutMs: 120_000 },
      );
      await aws('s3', 'cp', '--quiet', `s3://${releaseBucket}/${key}`, join(folder, 'kit.tgz'));
      await runTool('tar', ['-xzf', join(folder, 'kit.tgz'), '-C', kit]);
      const args = ['dist/cloud_load_testing/load.js', '--target', service.baseUrl, '--out', told];
      const env = { ...process.env, SUMMARY: join(told, 'summary.json') };
      const result = await tryTool(process.execPath, args, { cwd: kit, env });
      t.ok([0, 99, 3].includes(result.code ?? -1), result.output);
      // Writes metrics to CloudWatch, because the emulator's balancer reports none.
      const { startedAt } = JSON.parse(readFileSync(join(told, 'report.json'), 'utf8'));
      const metric = [
        '--namespace',
        'anb',
        '--metric-name',
        'mem_used_percent',
        '--value',
        '41',
        '--timestamp',
        startedAt,
      ];
      await aws('cloudwatch', 'put-metric-data', ...metric, '--dimensions', 'AutoScalingGroupName=anb-web');
      const place = `s3://${releaseBucket}/${key.replace(/in\/kit\.tgz$/, 'out/')}`;
      await aws('s3', 'cp', '--quiet', '--recursive', told, place);
      writeFileSync(join(folder, 'exit-code'), String(result.code));
      await aws('s3', 'cp', '--quiet', join(folder, 'exit-code'), place);
    }
  },
);

t.test('the worker’s log lines give the number of finished videos per minute', async (t) => {
  const line = (msg: string, time: string) => ({ timestamp: Date.parse(time), message: JSON.stringify({ msg }) });
  const jobs = readJobs([
    line('video processed', '2026-01-01T10:00:01Z'),
    line('video processed', '2026-01-01T10:00:59Z'),
    line('video processed', '2026-01-01T10:02:00Z'),
    line('video failed', '2026-01-01T10:02:00Z'),
    line('video requeued', '2026-01-01T10:02:00Z'),
    { timestamp: 0, message: 'no JSON about a video' },
  ]);
  t.strictSame(jobs, {
    processed: 3,
    failed: 1,
    perMinute: [
      { minute: '2026-01-01T10:00Z', count: 2 },
      { minute: '2026-01-01T10:02Z', count: 1 },
    ],
  });
});
