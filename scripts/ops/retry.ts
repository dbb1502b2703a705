import { parseArgs } from 'node:util';
import { retryVideo } from '../../src/database/video-jobs.ts';
import { runCommand } from '../lib/run-command.ts';
import { UserError } from '../lib/user-error.ts';
import { withService } from '../lib/with-service.ts';

/** Requeues a video that has the status `failed`, with all its attempts. */
await runCommand('npm run retry -- VIDEO_ID [--json]', async () => {
  const { values, positionals } = parseArgs({ options: { json: { type: 'boolean' } }, allowPositionals: true });
  const [id = ''] = positionals;
  if (!/^\d{1,15}$/.test(id)) throw new UserError(`Expected the id of a video, got ${JSON.stringify(id)}.`);
  return withService('retry', async ({ sql, producer }) => {
    const video = await retryVideo(sql, Number(id));
    if (video === undefined) throw new UserError(`Expected ${id} to be the id of a failed video, got none.`);
    const job = { videoId: id, taskId: video.task_id, requestId: video.request_id };
    // The row is enough: if Redis is unavailable, the next sweep queues the job.
    const isQueued = await producer.add(job).then(
      () => true,
      () => false,
    );
    const text = `Video ${id} ${isQueued ? 'requeued' : 'will be requeued by the next sweep'}.`;
    const data = { videoId: Number(id), taskId: video.task_id, isQueued };
    process.stdout.write(`${values.json ? JSON.stringify(data) : text}\n`);
    return 0;
  });
});
