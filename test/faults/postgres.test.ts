import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { type PostgresServer, startPostgres } from '../../scripts/dev/servers/postgres.ts';
import { removeClusterFolder } from '../../scripts/dev/servers/postgres-folder.ts';
import { logTail } from '../../scripts/lib/child.ts';
import { freePort } from '../../scripts/lib/ports.ts';
import { waitFor } from '../../scripts/lib/wait.ts';
import { checkDatabase } from '../../src/database/open.ts';
import { createEnvironment, type TestScope } from '../support/environment.ts';
import { createPlayer } from '../support/player.ts';
import { startService } from '../support/service.ts';
import { openUploadClient } from './support/client.ts';
import { openFaultRun } from './support/fault-run.ts';
import type { RawOutcome } from './support/raw-upload.ts';
import { faultEnvironment, settle, untilIdle } from './support/settle.ts';
import { startTcpProxy } from './support/tcp-proxy.ts';
import { makeVideo } from './support/video.ts';

const run = openFaultRun('postgres', 3, (rounds) => Math.ceil(rounds / 10));
const uploadsPerRound = 8;
t.setTimeout(240_000 + run.rounds * 60_000);

t.test('PostgreSQL killed, stopped and disconnected during uploads: acknowledged uploads stay', async (t) => {
  const cluster = await openCluster(t);
  const environment = await createEnvironment(t, faultEnvironment);
  const proxy = await startTcpProxy(t, { port: cluster.port });
  const url = new URL(environment.values['DATABASE_URL'] ?? '');
  url.port = String(proxy.port);
  const service = await startService(t, environment, { env: { DATABASE_URL: url.href } });
  const { token } = await createPlayer(service.baseUrl);
  const client = openUploadClient();
  const odd: RawOutcome[] = [];

  for (let round = 0; round < run.rounds; round += 1) {
    const uploads = Array.from({ length: uploadsPerRound }, async (_, i) => {
      const size = run.random.pick([10_000, 800_000, 6_000_000]);
      await sleep(run.random.int(0, 400));
      return client.upload(makeVideo(size, round * 100 + i), { port: service.port, token, timeoutMs: 120_000 });
    });
    await sleep(run.random.int(0, 400));
    const fault = run.random.pick(['kill', 'stop', 'swallow', 'cut', 'refuse'] as const);
    if (fault === 'kill' || fault === 'stop') await cluster.restart(fault === 'kill' ? 'SIGQUIT' : 'SIGINT');
    if (fault === 'swallow') proxy.setFault({ swallowsAnswers: true });
    if (fault === 'cut') proxy.setFault({ cutAfterBytesSent: run.random.int(1, 1_500), how: 'rst' });
    if (fault === 'refuse') proxy.setFault({ refuses: true });
    await sleep(run.random.int(100, 600));
    proxy.setFault({});
    odd.push(
      ...(await Promise.all(uploads)).filter((each) => each.kind === 'lost' || ![201, 503].includes(each.status)),
    );
    await waitFor('the database to be back', () => checkDatabase(environment.sql).then(() => true));
    await untilIdle(service);
  }

  const dead = service.web.filter((web) => web.hasExited()).map((web) => logTail(web.logPath));
  t.strictSame(dead, [], 'no process died');
  t.strictSame(odd, [], 'every upload was answered 201 or 503');
  const { swept, breaks } = await settle(environment, [service], client.ledger);
  t.strictSame(breaks, []);
  run.report({ acknowledged: client.ledger.length, lost: breaks.length, ...client.statuses, ...swept });
});

/** A durable PostgreSQL of this test's own, on which its environment is made. */
async function openCluster(t: TestScope) {
  const folder = mkdtempSync(join(tmpdir(), 'pg-'));
  chmodSync(folder, 0o711);
  const port = await freePort();
  const start = () =>
    startPostgres({
      folder: join(folder, 'data'),
      port,
      password: 'secret',
      logPath: join(folder, 'log'),
      isDurable: true,
    });
  let server: PostgresServer = await start();
  process.env['TEST_DATABASE_URL'] = server.url;
  t.teardown(async () => {
    await server.stop();
    removeClusterFolder(join(folder, 'data'));
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    port,
    async restart(signal: NodeJS.Signals): Promise<void> {
      server.child.signal(signal);
      await server.child.exited;
      server = await start();
    },
  };
}
