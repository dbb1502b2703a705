import t from 'tap';
import { createEnvironment } from '../support/environment.ts';
import { createPlayer } from '../support/player.ts';
import { startService } from '../support/service.ts';
import { openUploadClient } from './support/client.ts';
import { openFaultRun } from './support/fault-run.ts';
import { startS3Proxy } from './support/s3-proxy.ts';
import { faultEnvironment, settle, untilIdle } from './support/settle.ts';
import { makeVideo } from './support/video.ts';

const run = openFaultRun('crowd', 1, (rounds) => Math.ceil(rounds / 20));
/** More than there are part buffers for, while S3 finishes no part before those without one have been refused. */
const uploadsAtOnce = 60;
t.setTimeout(120_000 + run.rounds * 60_000);

t.test('uploads without a buffer get 503 while they still send, and admitted ones are served', async (t) => {
  const environment = await createEnvironment(t, faultEnvironment);
  const proxy = await startS3Proxy(t, environment.values['S3_ENDPOINT'] ?? '');
  const service = await startService(t, environment, { env: { S3_ENDPOINT: proxy.endpoint } });
  const { token } = await createPlayer(service.baseUrl);
  const client = openUploadClient();
  for (let round = 0; round < run.rounds; round += 1) {
    let tellRefused: () => void = () => undefined;
    const until = new Promise<void>((resolve) => {
      tellRefused = resolve;
    });
    proxy.setRule(({ operation }) => (operation === 'UploadPart' ? { kind: 'hold', until } : undefined));
    const video = makeVideo(11_000_000 + run.random.int(0, 99), round);
    const uploadOne = async () => {
      const outcome = await client.upload(video, { port: service.port, token });
      if (outcome.kind === 'answered' && outcome.status === 503) tellRefused();
      return outcome;
    };
    const outcomes = await Promise.all(Array.from({ length: uploadsAtOnce }, uploadOne));
    const refused = outcomes.filter((outcome) => outcome.kind === 'answered' && outcome.status === 503);
    const taken = outcomes.filter((outcome) => outcome.kind === 'answered' && outcome.status === 201);
    t.equal(taken.length + refused.length, uploadsAtOnce, JSON.stringify(client.statuses));
    t.ok(taken.length > 0 && refused.length > 0, `${taken.length} taken, ${refused.length} refused`);
    for (const outcome of refused) t.match(outcome, { headers: /^retry-after: \d+/im });
    await untilIdle(service);
  }
  const { swept, breaks } = await settle(environment, [service], client.ledger);
  t.strictSame(breaks, []);
  run.report({ acknowledged: client.ledger.length, lost: breaks.length, ...client.statuses, ...swept });
});
