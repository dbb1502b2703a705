import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { videoQueue } from '../../src/queue/video-queue.ts';
import { createEnvironment } from '../support/environment.ts';
import { startService } from '../support/service.ts';
import { makeClip, makeFolder } from '../worker/support/clips.ts';
import { insertPlayer, upload } from '../worker/support/upload.ts';
import { openFaultRun } from './support/fault-run.ts';
import { faultEnvironment, settle } from './support/settle.ts';
import { countRenditions, findTools, listScratch, untilClaimed, untilEnded } from './support/worker-run.ts';

const run = openFaultRun('worker-stop', 2, (rounds) => Math.ceil(rounds / 4));
const videosPerRound = 5;
t.setTimeout(120_000 + run.rounds * 60_000);

t.test('a worker stopped with five jobs exits with 0, and loses and repeats none', async (t) => {
  const environment = await createEnvironment(t, faultEnvironment);
  const clip = join(await makeFolder(t), 'clip.mp4');
  await makeClip('320x180', 2, '25')(clip);
  const producer = videoQueue.openProducer(environment.config.redisUrl);
  t.teardown(() => producer.close());
  let slowestStopMs = 0;
  let waiting = 0;

  for (let round = 0; round < run.rounds; round += 1) {
    const videos = [];
    for (let i = 0; i < videosPerRound; i += 1) {
      const video = await upload(environment, clip, await insertPlayer(environment));
      await producer.add(video.job);
      videos.push(video);
    }
    const first = await startService(t, environment, { webProcesses: 0, worker: true });
    await Promise.race(videos.map(({ id }) => untilClaimed(environment, id)));
    await sleep(run.random.int(0, 2_500));
    const at = Date.now();
    await first.stop();
    slowestStopMs = Math.max(slowestStopMs, Date.now() - at);
    t.strictSame([findTools(environment), listScratch(environment)], [[], []]);
    const [{ held = 0, left = 0 } = {}] = await environment.sql<{ held: number; left: number }[]>`
      select count(processing_started_at) as held, count(*) as left from videos where status = 'uploaded'`;
    t.equal(held, 0, 'what was not done is shown as waiting');
    waiting += left;
    const second = await startService(t, environment, { webProcesses: 0, worker: true });
    for (const { id } of videos) t.match(await untilEnded(environment, id), { status: 'processed', crashes: 0 });
    await second.stop();
  }

  const videos = run.rounds * videosPerRound;
  t.equal(await countRenditions(environment), videos);
  const { swept, breaks } = await settle(environment, [], []);
  t.strictSame(breaks, []);
  run.report({ stops: run.rounds, videos, left_waiting: waiting, ms_slowest_stop: slowestStopMs, ...swept });
});
