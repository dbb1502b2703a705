import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { waitFor } from '../../scripts/lib/wait.ts';
import { createEnvironment } from '../support/environment.ts';
import { request } from '../support/http.ts';
import { createPlayer } from '../support/player.ts';
import { startService } from '../support/service.ts';
import { openUploadClient } from './support/client.ts';
import { openFaultRun } from './support/fault-run.ts';
import type { RawOutcome } from './support/raw-upload.ts';
import { faultEnvironment, settle } from './support/settle.ts';
import { makeVideo } from './support/video.ts';

const run = openFaultRun('drain', 2, (rounds) => Math.ceil(rounds / 4));
const uploadsPerRound = 20;
t.setTimeout(180_000 + run.rounds * 40_000);

t.test('SIGTERM under 20 uploads: each gets its answer or 503, and the process ends with 0', async (t) => {
  const environment = await createEnvironment(t, faultEnvironment);
  const client = openUploadClient();
  let late = 0;
  for (let round = 0; round < run.rounds; round += 1) {
    const service = await startService(t, environment, { webProcesses: 2 });
    const { token } = await createPlayer(service.baseUrl);
    let isStopped = false;
    const uploads = Array.from({ length: uploadsPerRound }, async (_, i) => {
      const video = makeVideo(run.random.pick([20_000, 900_000, 6_000_000]), round * 1_000 + i);
      const delayMs = run.random.int(0, 400);
      const bytesPerSecond = run.random.pick([undefined, undefined, 4_000_000]);
      await sleep(delayMs);
      return client.upload(video, { port: service.port, token, ...(bytesPerSecond ? { bytesPerSecond } : {}) });
    });
    // After the end the kernel refuses connections, but no accepted request is dropped.
    const comers = (async () => {
      const outcomes: RawOutcome[] = [];
      while (!isStopped)
        outcomes.push(await client.upload(makeVideo(5_000, 500_000 + outcomes.length), { port: service.port, token }));
      return outcomes;
    })();
    await sleep(run.random.int(0, 500));
    for (const web of service.web) web.signal('SIGTERM');
    const exits = await Promise.all(service.web.map((web) => web.exited));
    isStopped = true;
    const outcomes = [...(await Promise.all(uploads)), ...(await comers)];
    t.strictSame(exits, [
      { code: 0, signal: null },
      { code: 0, signal: null },
    ]);
    t.strictSame(
      outcomes.filter((outcome) => !isFair(outcome)),
      [],
      `round ${round}`,
    );
    late += outcomes.filter((outcome) => outcome.kind === 'lost').length;
  }
  const { swept, breaks } = await settle(environment, [], client.ledger);
  t.strictSame(breaks, []);
  run.report({
    acknowledged: client.ledger.length,
    lost: breaks.length,
    came_too_late: late,
    ...client.statuses,
    ...swept,
  });
});

t.test('an upload that would take longer than the drain is cut off with 503', async (t) => {
  const environment = await createEnvironment(t, faultEnvironment);
  const service = await startService(t, environment);
  const { token } = await createPlayer(service.baseUrl);
  const client = openUploadClient();
  const slow = client.upload(makeVideo(8_000_000, 1), {
    port: service.port,
    token,
    bytesPerSecond: 100_000,
    timeoutMs: 90_000,
  });
  const metricsUrl = service.metricsUrls.web[0] as string;
  const isReceived = async () => /^competition_uploads_in_flight 1$/m.test((await request(metricsUrl)).text);
  await waitFor('the upload to be in flight', isReceived);
  service.web[0]?.signal('SIGTERM');
  const exit = await service.web[0]?.exited;
  const outcome = await slow;
  t.match(outcome, { kind: 'answered', status: 503, headers: /retry-after/i });
  t.strictSame(exit, { code: 0, signal: null });
  t.strictSame((await settle(environment, [], client.ledger)).breaks, []);
});

/** Got the usual response, or 503, or no connection. */
function isFair(outcome: RawOutcome): boolean {
  if (outcome.kind === 'answered') return outcome.status === 201 || outcome.status === 503;
  return outcome.reason === 'ECONNREFUSED' && !outcome.hadConnected;
}
