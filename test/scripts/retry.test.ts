import { join } from 'node:path';
import t from 'tap';
import { claimVideoForWork, failVideo } from '../../src/database/video-jobs.ts';
import { videoQueue } from '../../src/queue/video-queue.ts';
import { createEnvironment } from '../support/environment.ts';
import { makeClip, makeFolder } from '../worker/support/clips.ts';
import { readVideo, upload } from '../worker/support/upload.ts';
import { runScript } from './run-script.ts';

t.test('a failed video is requeued with all its attempts, and no other video is', async (t) => {
  const environment = await createEnvironment(t);
  const { sql, config, values } = environment;
  const path = join(await makeFolder(t), 'clip.mp4');
  await makeClip('64x64', 0.2, '25')(path);
  const { id, job } = await upload(environment, path);
  const producer = videoQueue.openProducer(config.redisUrl);
  t.teardown(() => producer.close());

  const early = await runScript('ops/retry', [String(id)], values);
  t.match(early, { code: 2, stderr: `Expected ${id} to be the id of a failed video, got none.\n` });
  await claimVideoForWork(sql, id);
  await failVideo(sql, { id, attempt: 1, reason: 'It was cut short' });
  const late = await runScript('ops/retry', [String(id), '--json'], values);
  t.equal(late.code, 0, late.stderr);
  t.strictSame(JSON.parse(late.stdout), { videoId: id, taskId: job.taskId, isQueued: true });
  t.match(await readVideo(environment, id), { status: 'uploaded', attempt: 1, crashes: 0, failure_reason: null });
  t.match(await producer.listJobs(), [{ id: job.taskId, state: 'waiting' }]);
  t.match(await runScript('ops/retry', ['x'], values), {
    code: 2,
    stderr: /^Expected the id of a video, got "x"\.\n$/,
  });
});
