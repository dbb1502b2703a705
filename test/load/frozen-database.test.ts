import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { formatRequest, runHttpLoad } from '../../bench/lib/http-load.ts';
import { startPostgres } from '../../scripts/dev/servers/postgres.ts';
import { removeClusterFolder } from '../../scripts/dev/servers/postgres-folder.ts';
import { freePort } from '../../scripts/lib/ports.ts';
import { listTrees, signalProcess } from '../../scripts/lib/processes.ts';
import { percentile } from '../../scripts/lib/statistics.ts';
import { migrate } from '../../src/database/migrate.ts';
import { recount } from '../../src/database/recount.ts';
import { requestDeadlineMs } from '../../src/limits.ts';
import { openTokens } from '../../src/tokens.ts';
import { openFaultRun } from '../faults/support/fault-run.ts';
import { makePublicVideos } from '../faults/support/public-videos.ts';
import { faultEnvironment, settle } from '../faults/support/settle.ts';
import { openTestDatabase } from '../support/database.ts';
import { createEnvironment } from '../support/environment.ts';
import { request } from '../support/http.ts';
import { startService } from '../support/service.ts';

const run = openFaultRun('frozen-database', 1, () => 1);
/** What asks the database again and again, and what is merely connected and asks for health now and then. */
const [busy, idle] = run.isLong ? [2_000, 8_000] : [200, 800];
/** Longer than the freeze takes to catch everybody, and shorter than the server keeps a connection at rest. */
const [busyRestMs, idleRestMs] = [1_500, 4_000];
const beforeMs = 6_000;
const freezeMs = 5_000;
const thawMs = 2_000;
const afterMs = 4_000;
/** A request that hangs never ends; one that is late ends at its deadline. */
const lateMs = 2 * requestDeadlineMs;
t.setTimeout(180_000);

t.test('with PostgreSQL frozen nothing hangs, health answers, and it goes on soon after the thaw', async (t) => {
  const environment = await createEnvironment(t, faultEnvironment);
  const postgres = await startOwnPostgres(t, environment.folder);
  const { sql, url } = postgres;
  const own = { ...environment, sql, config: { ...environment.config, databaseUrl: url } };
  const tokens = openTokens(environment.config.tokens);
  await sql`
    insert into users (first_name, last_name, email, password_hash)
    select 'V', 'V', n || '@example.com', 'x' from generate_series(1, ${busy}::int) as n`;
  const videos = await makePublicVideos(
    own,
    Array.from({ length: 20 }, (_, i) => i + 1),
  );
  const service = await startService(t, environment, { webProcesses: 2, env: { DATABASE_URL: url } });

  const answers: { atMs: number; ms: number; status: string }[] = [];
  const totalMs = beforeMs + freezeMs + thawMs + afterMs;
  const startedAtMs = performance.now();
  const now = () => performance.now() - startedAtMs;
  const health = { slowestMs: 0, asked: 0 };
  const ask = (i: number) => {
    const headers = { Authorization: `Bearer ${tokens.issue(1 + (i % busy))}` };
    return i % 2 === 0
      ? () => formatRequest('GET', '/api/videos', headers)
      : () => formatRequest('POST', `/api/public/videos/${run.random.pick(videos)}/vote`, headers);
  };
  const connect = async (count: number, restMs: number, next: (i: number) => () => string, isKept: boolean) => {
    const loads = [];
    for (let i = 0; i < count; i += 1) {
      const durationMs = totalMs - now();
      const onResponse = (status: string, ms: number) => isKept && answers.push({ atMs: now(), ms, status });
      loads.push(runHttpLoad({ port: service.port, connections: 1, next: next(i), durationMs, restMs, onResponse }));
      if (i % 50 === 0) await sleep(5);
    }
    return Promise.all(loads);
  };
  const probe = async () => {
    while (now() < totalMs) {
      const askedAtMs = now();
      t.equal((await request(`${service.baseUrl}/livez`)).status, 200);
      health.slowestMs = Math.max(health.slowestMs, now() - askedAtMs);
      health.asked += 1;
      await sleep(100);
    }
  };
  const freeze = async () => {
    await sleep(beforeMs - now());
    postgres.signal('SIGSTOP');
    await sleep(freezeMs - 500);
    t.equal((await request(`${service.baseUrl}/readyz`)).status, 503, 'not ready meanwhile');
    await sleep(beforeMs + freezeMs - now());
    postgres.signal('SIGCONT');
  };
  await Promise.all([
    connect(busy, busyRestMs, ask, true),
    connect(idle, idleRestMs, () => () => formatRequest('GET', '/'), false),
    probe(),
    freeze(),
  ]);

  const between = (from: number, to: number) => answers.filter(({ atMs }) => atMs >= from && atMs < to);
  const before = between(beforeMs - afterMs, beforeMs);
  const thawedAtMs = beforeMs + freezeMs;
  const after = between(thawedAtMs + thawMs, thawedAtMs + thawMs + afterMs);
  const count = (status: string) => answers.filter((answer) => answer.status === status).length;
  t.equal(count('200') + count('400') + count('503'), answers.length, 'an answer, or 503');
  const slowestMs = answers.reduce((most, { ms }) => Math.max(most, ms), 0);
  t.ok(slowestMs <= lateMs, `the slowest took ${slowestMs} ms`);
  t.ok(health.slowestMs < freezeMs / 2, `health took ${health.slowestMs} ms at most`);
  t.equal(after.filter(({ status }) => status === '503').length, 0, 'no refusal once it goes on');
  // All were caught at one moment, so they come back in waves: their pace says more than their number.
  const [pBeforeMs, pAfterMs] = [before, after].map((each) =>
    percentile(
      each.map(({ ms }) => ms),
      0.9,
    ),
  ) as [number, number];
  t.ok(
    after.length > busy && pAfterMs <= Math.max(10 * pBeforeMs, 500),
    `${pAfterMs} ms after, ${pBeforeMs} ms before`,
  );
  t.match(await recount(sql), { differing: 0 });
  t.strictSame((await settle(own, [service], [])).breaks, [], 'every invariant holds');
  for (const key of await environment.bucket.keys()) await environment.objects.deleteObject(key);
  run.report({
    connections: busy + idle,
    in_flight: busy,
    answered: answers.length,
    refused_503: count('503'),
    slowest_ms: Math.round(slowestMs),
    health_slowest_ms: Math.round(health.slowestMs),
    p90_ms_before: Math.round(pBeforeMs),
    p90_ms_after: Math.round(pAfterMs),
  });
});

/** A server of the test's own, since it stands still with all its processes. */
async function startOwnPostgres(t: { teardown(handler: () => unknown): void }, parent: string) {
  const folder = join(parent, 'postgres');
  const server = await startPostgres({
    folder,
    port: await freePort(),
    password: randomBytes(8).toString('hex'),
    logPath: join(parent, 'postgres.log'),
    isDurable: true,
  });
  const sql = openTestDatabase(server.url, 2);
  t.teardown(async () => {
    await sql.end({ timeout: 5 });
    await server.stop();
    removeClusterFolder(folder);
  });
  await migrate(sql, { legacyTimeZone: 'UTC' });
  const signal = (name: NodeJS.Signals) => {
    for (const { pid } of listTrees([server.pid])) signalProcess(pid, name);
  };
  return { sql, url: server.url, signal };
}
