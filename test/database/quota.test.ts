import { randomUUID } from 'node:crypto';
import t from 'tap';
import { recordIntents } from '../../src/database/object-intents.ts';
import { insertWithinLimits, recordUploadIntent } from '../../src/database/quota.ts';
import { deleteVideo } from '../../src/database/videos.ts';
import { createMigratedDatabase } from './own-database.ts';
import { makeUser, readIntents } from './some-rows.ts';

const limits = { quotaBytes: 1000, waitingMax: 20 };
const newVideo = (userId: number, sizeBytes: number) => ({
  ...{ userId, sizeBytes, title: 'A clip', requestId: 'r' },
  ...{ key: `uploads/${randomUUID()}.mp4`, taskId: randomUUID() },
});

t.test('uploads at once cannot pass the quota together, and a deletion frees its bytes', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const userId = await makeUser(sql);
  const upload = async (sizeBytes: number) => {
    const video = newVideo(userId, sizeBytes);
    await recordIntents(sql, [video.key]);
    return insertWithinLimits(sql, video, limits);
  };
  const results = await Promise.all(Array.from({ length: 8 }, () => upload(300)));
  t.equal(results.filter((result) => typeof result === 'object').length, 3);
  t.equal(results.filter((result) => result === 'quota_exceeded').length, 5);
  t.equal((await readIntents(sql)).length, 5, 'the intents of those that were refused stay until they are undone');
  t.match(await upload(100), { id: Number }, 'up to the last byte');
  t.equal(await upload(1), 'quota_exceeded');
  await deleteVideo(sql, 1);
  t.match(await upload(1), { id: Number });
});

t.test('uploads at once cannot pass the number of waiting videos together', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const userId = await makeUser(sql);
  const upload = async () => {
    const video = newVideo(userId, 1);
    await recordIntents(sql, [video.key]);
    return insertWithinLimits(sql, video, { ...limits, waitingMax: 3 });
  };
  const results = await Promise.all(Array.from({ length: 6 }, upload));
  t.equal(results.filter((result) => result === 'too_many_waiting').length, 3);
});

t.test('what cannot fit is refused before anything is written, whatever the others have', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const [ana, ben] = [await makeUser(sql), await makeUser(sql)];
  await sql`insert into videos (title, user_id, status, size_bytes) values ('old', ${ana}, 'processed', null), ('a', ${ana}, 'processed', 900)`;
  const begin = (userId: number, knownBytes: number, waitingMax = 20) =>
    recordUploadIntent(sql, { key: randomUUID(), userId, knownBytes }, { quotaBytes: 1000, waitingMax });
  t.equal(await begin(ana, 101), 'quota_exceeded');
  t.equal(await begin(ana, 0, 0), 'too_many_waiting');
  t.strictSame(await readIntents(sql), []);
  t.equal(await begin(ana, 100), 'recorded');
  t.equal(await begin(ben, 1000), 'recorded');
  t.equal((await readIntents(sql)).length, 2);
});

t.test('a video of a user who was deleted meanwhile is not inserted', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const userId = await makeUser(sql);
  await sql`delete from users where id = ${userId}`;
  t.equal(await insertWithinLimits(sql, newVideo(userId, 1), limits), undefined);
});
