import { parseArgs } from 'node:util';
import { openDatabase } from '../../src/database/open.ts';
import { retryVideo } from '../../src/database/video-jobs.ts';
import { toolStatementTimeoutMs } from '../../src/limits.ts';
import { openProducer } from '../../src/queue/producer.ts';
import { findService } from '../lib/find-service.ts';
import { runCommand } from '../lib/run-command.ts';
import { UserError } from '../lib/user-error.ts';

/** A video that `failed` is put back in line. */
await runCommand('npm run retry -- VIDEO_ID [--json]', async () => {
  const { values, positionals } = parseArgs({ options: { json: { type: 'boolean' } }, allowPositionals: true });
  const [id = ''] = positionals;
  if (!/^\d{1,15}$/.test(id)) throw new UserError(`Expected the id of a video, got ${JSON.stringify(id)}.`);
  const config = await findService(process.env);
  const sql = openDatabase(config.databaseUrl, {
    connections: 1,
    applicationName: 'retry',
    nextPassword: config.databaseNextPassword,
    statementTimeoutMs: toolStatementTimeoutMs,
  });
  const producer = openProducer(config.redisUrl);
  try {
    const video = await retryVideo(sql, Number(id));
    if (video === undefined) throw new UserError(`Expected ${id} to be the id of a failed video, got none.`);
    // The row says it all: without Redis, the next sweep puts the job in line.
    const job = { videoId: id, taskId: video.task_id, requestId: video.request_id };
    const isQueued = await producer.add(job).then(
      () => true,
      () => false,
    );
    if (values.json)
      process.stdout.write(`${JSON.stringify({ videoId: Number(id), taskId: video.task_id, isQueued })}\n`);
    else process.stdout.write(`Video ${id} ${isQueued ? 'requeued' : 'will be requeued by the next sweep'}.\n`);
    return 0;
  } finally {
    await producer.close();
    await sql.end({ timeout: 5 });
  }
});
