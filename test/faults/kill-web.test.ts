import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { createEnvironment } from '../support/environment.ts';
import { createPlayer } from '../support/player.ts';
import { type RunningService, startService } from '../support/service.ts';
import { openUploadClient } from './support/client.ts';
import { openFaultRun } from './support/fault-run.ts';
import { faultEnvironment, settle } from './support/settle.ts';
import { makeVideo } from './support/video.ts';

const run = openFaultRun('kill-web', 3);
const uploadsPerRound = 6;
const sizes = [9_000, 60_000, 700_000, 2_500_000, 5 * 1024 * 1024, 6_000_000, 11_000_000];
t.setTimeout(120_000 + run.rounds * 10_000);

t.test('a web process that is killed during uploads loses none that was acknowledged', async (t) => {
  const environment = await createEnvironment(t, faultEnvironment);
  const first = await startService(t, environment, { webProcesses: 2 });
  const { port } = first;
  const { token } = await createPlayer(first.baseUrl);
  const client = openUploadClient();
  let services: RunningService[] = [first];

  for (let round = 0; round < run.rounds; round += 1) {
    const uploads = Array.from({ length: uploadsPerRound }, async (_, i) => {
      const delayMs = run.random.int(0, 120);
      const video = makeVideo(run.random.pick(sizes) + run.random.int(0, 1_000), round * uploadsPerRound + i);
      await sleep(delayMs);
      return client.upload(video, { port, token, timeoutMs: 90_000 });
    });
    const delayMs = run.random.int(20, 500);
    await sleep(delayMs);
    const alive = services.flatMap((service) => service.web).filter((web) => !web.hasExited());
    const victim = run.random.pick(alive);
    victim.signal('SIGKILL');
    await victim.exited;
    services = [...services, await startService(t, environment, { port })].filter(({ web }) =>
      web.some((process) => !process.hasExited()),
    );
    await Promise.all(uploads);
  }

  const { swept, breaks } = await settle(environment, services, client.ledger);
  t.strictSame(breaks, []);
  t.notOk(client.statuses['500'], 'no upload was answered 500');
  t.ok(client.ledger.length >= run.rounds * 2, `${client.ledger.length} uploads were acknowledged`);
  run.report({
    kills: run.rounds,
    acknowledged: client.ledger.length,
    lost: breaks.length,
    ...client.statuses,
    ...swept,
  });
});
