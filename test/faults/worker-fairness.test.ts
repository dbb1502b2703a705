import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { videoQueue } from '../../src/queue/video-queue.ts';
import { createEnvironment, type Environment } from '../support/environment.ts';
import { startService } from '../support/service.ts';
import { makeClip, makeFolder } from '../worker/support/clips.ts';
import { insertPlayer, type Uploaded, upload } from '../worker/support/upload.ts';
import { openFaultRun } from './support/fault-run.ts';
import { type HostileFile, makeBombs, makeSeeds, makeTruncations } from './support/hostile-media.ts';
import { faultEnvironment } from './support/settle.ts';
import { untilEnded } from './support/worker-run.ts';

const run = openFaultRun('worker-fairness', 1, () => 1);
const goodFiles = run.isLong ? 20 : 6;
const poisonFiles = run.isLong ? 10 : 3;
const greedyFiles = run.isLong ? 50 : 12;
t.setTimeout(run.isLong ? 900_000 : 240_000);

t.test('hostile files do not delay the good ones', async (t) => {
  const environment = await createEnvironment(t, faultEnvironment);
  const folder = await makeFolder(t);
  const clip = join(folder, 'clip.mp4');
  await makeClip('640x360', 2, '25')(clip);
  await startService(t, environment, { webProcesses: 0, worker: true });
  const good = await readFile(clip);
  const goodAlone = await play(environment, folder, Array<Buffer>(goodFiles).fill(good));
  const poison = (await makePoison(folder)).map(({ bytes }) => bytes);
  const mixed = Array<Buffer>(goodFiles).fill(good);
  for (const [i, bytes] of poison.entries()) mixed.splice(i * 3, 0, bytes);
  const among = await play(environment, folder, mixed);
  const isGood = (_: unknown, i: number) => mixed[i] === good;
  t.ok(among.ends.filter(isGood).every(({ status }) => status === 'processed'));
  // What FFmpeg can make sense of all the same was no poison to it.
  const refused = among.ends.filter(({ status }) => status === 'failed').length;
  t.ok(refused > poison.length / 2, `${refused} of ${poison.length} were refused`);
  t.ok(
    among.ends.every(({ crashes }) => crashes === 0),
    'no hostile file costs more than one attempt',
  );
  t.ok(
    among.ends.every(({ attempt }) => attempt === 1),
    'and none is tried again',
  );
  run.report({
    good: goodFiles,
    poison: poison.length,
    refused,
    ms_good_alone: goodAlone.ms,
    ms_among_poison: among.ms,
  });
});

t.test('one player’s many uploads do not starve the others', async (t) => {
  const environment = await createEnvironment(t, faultEnvironment);
  const folder = await makeFolder(t);
  const clip = join(folder, 'clip.mp4');
  await makeClip('320x180', 1, '25')(clip);
  const [greedy, modest] = [await insertPlayer(environment), await insertPlayer(environment)];
  const videos: Uploaded[] = [];
  for (let i = 0; i < greedyFiles; i += 1) videos.push(await upload(environment, clip, greedy));
  const last = await upload(environment, clip, modest);
  const producer = videoQueue.openProducer(environment.config.redisUrl);
  for (const { job, rank } of [...videos, last]) await producer.add(job, rank);
  await producer.close();
  await startService(t, environment, { webProcesses: 0, worker: true });
  await untilEnded(environment, last.id);
  const [row] = await environment.sql<{ before: number }[]>`
    select count(*) as before from videos
    where status = 'processed' and user_id = ${greedy}
      and processed_at < (select processed_at from videos where id = ${last.id})`;
  // Its own turn is the second; as many as the worker has in hand may end before it.
  t.ok(
    (row?.before ?? greedyFiles) <= greedyFiles / 2,
    `${row?.before} of the ${greedyFiles} that came before it were done before it`,
  );
  for (const { id } of videos) await untilEnded(environment, id);
  run.report({ of_one_player: greedyFiles, done_before_the_other: row?.before ?? Number.NaN });
});

async function makePoison(folder: string): Promise<HostileFile[]> {
  const bombs = run.isLong ? await makeBombs(folder) : [];
  const cuts = await makeTruncations(await makeSeeds(folder));
  const wanted = bombs.filter(({ name }) => name !== 'one frame' && !name.endsWith('small'));
  return [...wanted, ...cuts.filter((_, i) => i % 9 === 4)].slice(0, poisonFiles);
}

/** Until the last good one is done. */
async function play(environment: Environment, folder: string, files: readonly Buffer[]) {
  const producer = videoQueue.openProducer(environment.config.redisUrl);
  const videos: Uploaded[] = [];
  for (const bytes of files) {
    const path = join(folder, 'file.mp4');
    await writeFile(path, bytes);
    videos.push(await upload(environment, path));
  }
  const startedAt = Date.now();
  for (const { job } of videos) await producer.add(job);
  const ends = await Promise.all(videos.map(({ id }) => untilEnded(environment, id, 300_000)));
  await producer.close();
  return { ms: Date.now() - startedAt, ends };
}
