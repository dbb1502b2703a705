import t from 'tap';
import { claimAgedIntents, recordIntents } from '../../src/database/object-intents.ts';
import {
  claimVideoForWork,
  failVideo,
  listVideosWaiting,
  publishRendition,
  requeueVideo,
  retryVideo,
  setProgress,
} from '../../src/database/video-jobs.ts';
import { deleteVideo, findVideo } from '../../src/database/videos.ts';
import { createMigratedDatabase } from './own-database.ts';
import { makeUser, makeVideo, process, readHistory, readIntents } from './some-rows.ts';

const rendition = { processedKey: 'processed/a.mp4', posterKey: 'posters/a.jpg', profile: 'p1' };
const keys = ['posters/a.jpg', 'processed/a.mp4'];

t.test('a claim counts attempts, and is refused for what is not waiting', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const userId = await makeUser(sql);
  const { id, key, taskId } = await makeVideo(sql, userId);
  t.match(await claimVideoForWork(sql, id), {
    id,
    attempt: 1,
    user_id: userId,
    original_url: key,
    task_id: taskId,
    request_id: 'r',
  });
  t.match(await claimVideoForWork(sql, id), { attempt: 2 });
  await process(sql, id);
  t.equal(await claimVideoForWork(sql, id), undefined);
  t.equal(await claimVideoForWork(sql, 99), undefined);
});

t.test('a published rendition takes the place of its intents', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const { id } = await makeVideo(sql, await makeUser(sql));
  await claimVideoForWork(sql, id);
  await recordIntents(sql, [...keys, 'uploads/other.mp4']);
  t.equal(await publishRendition(sql, { id, attempt: 1, ...rendition }), true);
  t.match(await findVideo(sql, id), {
    status: 'processed',
    processed_url: 'processed/a.mp4',
    poster_url: 'posters/a.jpg',
  });
  t.type((await findVideo(sql, id))?.processed_at, Date);
  t.strictSame(await readIntents(sql), ['uploads/other.mp4']);
  t.strictSame(await readHistory(sql, id), ['uploaded', 'uploaded processed']);
  t.equal(await publishRendition(sql, { id, attempt: 1, ...rendition }), false, 'once');
});

t.test('a rendition without a picture is published, too', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const { id } = await makeVideo(sql, await makeUser(sql));
  await claimVideoForWork(sql, id);
  await recordIntents(sql, ['processed/a.mp4']);
  t.equal(await publishRendition(sql, { id, attempt: 1, ...rendition, posterKey: null }), true);
  t.match(await findVideo(sql, id), { status: 'processed', poster_url: null });
});

t.test('a stale attempt can neither publish nor fail nor report, and its objects keep their intents', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const { id } = await makeVideo(sql, await makeUser(sql));
  await claimVideoForWork(sql, id);
  await claimVideoForWork(sql, id);
  await recordIntents(sql, keys);
  const late = { id, attempt: 1 };
  t.equal(await publishRendition(sql, { ...late, ...rendition }), false);
  t.equal(await failVideo(sql, { ...late, reason: 'x' }), false);
  t.equal(await setProgress(sql, { ...late, percent: 50 }), false);
  t.equal(await requeueVideo(sql, late), false);
  t.match(await findVideo(sql, id), { status: 'uploaded', processed_url: null, poster_url: null });
  t.strictSame(await readIntents(sql), keys);
  t.equal(await setProgress(sql, { id, attempt: 2, percent: 50 }), true);
});

t.test('a rendition one of whose intents a sweep has claimed is not published', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const { id } = await makeVideo(sql, await makeUser(sql));
  await claimVideoForWork(sql, id);
  await recordIntents(sql, keys);
  await claimAgedIntents(sql, { graceSeconds: 0, limit: 1 });
  t.equal(await publishRendition(sql, { id, attempt: 1, ...rendition }), false);
  t.match(await findVideo(sql, id), { status: 'uploaded' });
  t.equal((await readIntents(sql)).length, 1);
});

t.test('of concurrent attempts that publish one succeeds', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const { id } = await makeVideo(sql, await makeUser(sql));
  await claimVideoForWork(sql, id);
  const twins = ['a', 'b', 'c'].map((name) => ({
    ...rendition,
    processedKey: `processed/${name}.mp4`,
    posterKey: null,
  }));
  await recordIntents(
    sql,
    twins.map(({ processedKey }) => processedKey),
  );
  const published = await Promise.all(twins.map((twin) => publishRendition(sql, { id, attempt: 1, ...twin })));
  t.equal(published.filter(Boolean).length, 1);
  const winner = twins[published.indexOf(true)]?.processedKey;
  t.match(await findVideo(sql, id), { processed_url: winner });
  t.strictSame(
    await readIntents(sql),
    twins.map(({ processedKey }) => processedKey).filter((key) => key !== winner),
  );
});

t.test('a video deleted while it is processed cannot be published', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const { id, key } = await makeVideo(sql, await makeUser(sql));
  await claimVideoForWork(sql, id);
  await recordIntents(sql, keys);
  await deleteVideo(sql, id);
  t.equal(await publishRendition(sql, { id, attempt: 1, ...rendition }), false);
  t.strictSame(await readIntents(sql), [...keys, key].sort());
});

t.test('a failed video keeps its reason until a retry brings it back', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const { id, taskId } = await makeVideo(sql, await makeUser(sql));
  t.equal(await retryVideo(sql, id), undefined, 'it has not failed');
  await claimVideoForWork(sql, id);
  t.equal(await failVideo(sql, { id, attempt: 1, reason: 'No picture in it' }), true);
  t.equal(await claimVideoForWork(sql, id), undefined);
  t.strictSame(await retryVideo(sql, id), { id, task_id: taskId, request_id: 'r' });
  t.match(await claimVideoForWork(sql, id), { attempt: 2 });
  t.strictSame(await readHistory(sql, id), ['uploaded', 'uploaded failed', 'failed uploaded']);
});

t.test('waiting videos come by id, a page at a time, with a task id that can be a job’s', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const userId = await makeUser(sql);
  const ours = await makeVideo(sql, userId);
  const done = await makeVideo(sql, userId);
  await process(sql, done.id);
  await sql`
    insert into videos (title, user_id, original_url, task_id)
    select 'old', ${userId}, 'uploads/user_1_' || n || '.mp4', (array[null, '17', 'a:b', 'd0c2', ''])[n] from generate_series(1, 5) as n`;
  const first = await listVideosWaiting(sql, { limit: 2, afterId: 0 });
  const rest = await listVideosWaiting(sql, { limit: 10, afterId: first.at(-1)?.id ?? 0 });
  const all = [...first, ...rest];
  t.strictSame(
    all.map(({ id }) => id),
    [1, 3, 4, 5, 6, 7],
  );
  t.strictSame(all[0], { id: ours.id, task_id: ours.taskId, request_id: 'r', rank: 1 });
  t.equal(all[4]?.task_id, 'd0c2');
  t.ok(all.every(({ task_id, request_id }) => /^(?!\d+$)[^:]+$/.test(task_id) && request_id !== ''));
  t.strictSame(await listVideosWaiting(sql, { limit: 2, afterId: 0 }), first, 'the ids stay');
});
