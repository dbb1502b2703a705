import t from 'tap';
import { findTask } from '../../src/database/tasks.ts';
import { claimVideoForWork, failVideo, requeueVideo, setProgress } from '../../src/database/video-jobs.ts';
import { publishVideo } from '../../src/database/videos.ts';
import { assumedProcessingSeconds } from '../../src/limits.ts';
import { createMigratedDatabase } from './own-database.ts';
import { makeUser, makeVideo, process } from './some-rows.ts';

const notQueued = { queue_position: null, expected_wait_seconds: null };

t.test('a task reports the state of its video’s row, step by step', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const userId = await makeUser(sql);
  const { id, taskId } = await makeVideo(sql, userId);
  const own = { task_id: taskId, video_id: id, user_id: userId };
  const queued = { ...own, state: 'queued', progress: 0, error: null, queue_position: 1 };
  const { expected_wait_seconds: wait, ...rest } = (await findTask(sql, taskId)) ?? {};
  t.strictSame(rest, queued);
  t.type(wait, 'number');
  await claimVideoForWork(sql, id);
  await setProgress(sql, { id, attempt: 1, percent: 40 });
  t.strictSame(await findTask(sql, taskId), { ...own, state: 'processing', progress: 40, error: null, ...notQueued });
  await requeueVideo(sql, { id, attempt: 1 });
  t.match(await findTask(sql, taskId), { state: 'queued', progress: 0, queue_position: 1 });
  await process(sql, id);
  t.strictSame(await findTask(sql, taskId), { ...own, state: 'processed', progress: 100, error: null, ...notQueued });
  await publishVideo(sql, id);
  t.match(await findTask(sql, taskId), { state: 'processed', progress: 100 });
  t.equal(await findTask(sql, 'none'), undefined);
});

t.test('a failed task says why', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const { id, taskId } = await makeVideo(sql, await makeUser(sql));
  await claimVideoForWork(sql, id);
  await failVideo(sql, { id, attempt: 1, reason: 'No picture in it' });
  t.match(await findTask(sql, taskId), { state: 'failed', error: 'No picture in it', ...notQueued });
});

t.test('the expected wait follows the time of recent videos, the queue position and the running jobs', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const userId = await makeUser(sql);
  const videos = [];
  for (let index = 0; index < 6; index += 1) videos.push(await makeVideo(sql, userId));
  const last = videos[5]?.taskId ?? '';
  await claimVideoForWork(sql, 1);
  t.match(await findTask(sql, last), { queue_position: 5, expected_wait_seconds: 5 * assumedProcessingSeconds });
  await process(sql, 1);
  await sql`update videos set processing_started_at = processed_at - interval '8 seconds' where id = 1`;
  await claimVideoForWork(sql, 2);
  await claimVideoForWork(sql, 3);
  t.match(await findTask(sql, last), { queue_position: 3, expected_wait_seconds: 12 });
});

t.test('while nothing moves, the expected wait is at least as long as nothing has moved', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const userId = await makeUser(sql);
  const [done, started, waiting] = [
    await makeVideo(sql, userId),
    await makeVideo(sql, userId),
    await makeVideo(sql, userId),
  ];
  await process(sql, done.id);
  await claimVideoForWork(sql, started.id);
  const waitAfter = async (processed: string, begun: string, uploaded: string) => {
    await sql`
      update videos set processed_at = now() - ${processed}::interval,
        processing_started_at = now() - ${processed}::interval - interval '1 second' where id = ${done.id}`;
    await sql`update videos set processing_started_at = now() - ${begun}::interval where id = ${started.id}`;
    await sql`update videos set uploaded_at = now() - ${uploaded}::interval where id = ${waiting.id}`;
    return Math.floor(((await findTask(sql, waiting.taskId))?.expected_wait_seconds ?? -1) / 1000);
  };
  t.equal(await waitAfter('9000 seconds', '8000 seconds', '7000 seconds'), 7, 'a video waits, and none is started');
  t.equal(await waitAfter('9000 seconds', '5000 seconds', '7000 seconds'), 5, 'one was started, and is not finished');
  t.equal(await waitAfter('4000 seconds', '5000 seconds', '7000 seconds'), 4, 'one was finished');
  t.equal(await waitAfter('1 second', '5000 seconds', '7000 seconds'), 0, 'one was finished a moment ago');
});

t.test('one player’s many videos do not stand in front of another player’s first', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const busy = await makeUser(sql);
  const many = [];
  for (let index = 0; index < 4; index += 1) many.push(await makeVideo(sql, busy));
  const other = await makeVideo(sql, await makeUser(sql));
  t.match(await findTask(sql, other.taskId), { queue_position: 2 });
  const positions = [];
  for (const { taskId } of many) positions.push((await findTask(sql, taskId))?.queue_position);
  t.strictSame(positions, [1, 3, 4, 5]);
});
