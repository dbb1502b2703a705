import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { tryTool } from '../../scripts/lib/run-tool.ts';
import { checkInvariants } from '../../scripts/ops/invariants/check-all.ts';
import type { LedgerEntry } from '../../scripts/ops/invariants/ledger.ts';
import { makeClip } from '../support/clip.ts';
import { clearBucket, findBreaks, openTestContext, serve } from './invariants-context.ts';

const ranks = [
  { position: 1, username: 'Ana Ruiz', city: '', votes: 1 },
  { position: 2, username: 'Eva Ruiz', city: '', votes: 0 },
];

t.test('all invariants hold for valid data', async (t) => {
  const { deps } = await openTestContext(t);
  const verdicts = await checkInvariants(deps);
  t.strictSame(
    verdicts.flatMap((verdict) => verdict.breaks),
    [],
  );
  t.strictSame(
    verdicts.map((verdict) => verdict.number),
    [1, 2, 3, 4, 5, 6, 7, 8],
  );
  t.match(verdicts[0]?.checked, '1 acknowledged uploads read, 1 other rows compared');
  t.match(verdicts[1]?.checked, '1 renditions decoded');
});

t.test('1: an acknowledged upload that is missing, duplicated or has other bytes', async (t) => {
  const { deps, entry, video, sql, objects } = await openTestContext(t);
  const breaks = (changed: Partial<LedgerEntry>) => findBreaks({ ...deps, ledger: [{ ...entry, ...changed }] });
  t.strictSame(await breaks({ task_id: 'gone' }), ['1: acknowledged upload gone has 0 rows']);
  t.strictSame(await breaks({ sha256: '00' }), [
    `1: acknowledged upload ${video.taskId} is stored with other bytes than were sent`,
  ]);
  t.match(await breaks({ bytes: 1 }), [/^1: acknowledged upload .* bytes stored, 1 were sent$/]);
  t.match(await breaks({ video_id: 77 }), [/^1: acknowledged upload .* is row \d+, not 77$/]);
  t.match(await breaks({ deleted: true }), [/^1: .* was deleted and still has row/]);
  t.match(await findBreaks({ ...deps, ledger: [entry, entry] }), [/^1: .* was acknowledged 2 times/]);
  await sql`update videos set size_bytes = 5 where title = 'Two'`;
  t.match(await findBreaks(deps), [/^1: row \d+ says 5 bytes, its object has \d+$/]);
  await sql`update videos set size_bytes = null where title = 'Two'`;
  await sql`update videos set original_url = ${video.key} where title = 'Two'`;
  t.match((await findBreaks(deps))[0], new RegExp(`^1: 2 rows name ${video.key}$`));
  await objects.deleteObject(video.key);
  const gone = await findBreaks(deps);
  t.ok(gone.includes(`1: acknowledged upload ${video.taskId} has row ${video.id} and no object ${video.key}`));
  await clearBucket(objects, sql);
});

t.test('2: a rendition that is missing, broken or too early', async (t) => {
  const { deps, sql, objects, video } = await openTestContext(t);
  await sql`update videos set processed_url = ${video.key} where id = ${video.id}`;
  t.match(await findBreaks(deps), [/^2: video \d+ is uploaded and has a rendition or poster$/]);
  await sql`update videos set processed_url = null where id = ${video.id}`;
  const [two] = await sql<
    { id: number; processed_url: string }[]
  >`select id, processed_url from videos where title = 'Two'`;
  const broken = join(String(process.env['TMPDIR']), `${randomUUID()}.mp4`);
  const whole = await readFile(await makeClip());
  writeFileSync(broken, whole.subarray(0, whole.length / 2));
  await objects.putFile(two?.processed_url ?? '', broken, 'video/mp4', AbortSignal.timeout(60_000));
  t.match(await findBreaks(deps), [/^2: video \d+ is processed and its rendition \S+ does not play: /]);
  await objects.deleteObject(two?.processed_url ?? '');
  t.match(await findBreaks(deps), [/^2: video \d+ is processed and its rendition \S+ does not exist$/]);
  await sql`update videos set processed_url = null where title = 'Two'`;
  t.match(await findBreaks(deps), [/^2: video \d+ is processed and has no rendition$/]);
});

t.test('3: an object, an open upload and an intent without a row, older than the grace period', async (t) => {
  const { deps, sql, objects, config } = await openTestContext(t);
  const key = `uploads/${randomUUID()}.mp4`;
  await objects.putFile(key, await makeClip(), 'video/mp4', AbortSignal.timeout(60_000));
  const open = `processed/${randomUUID()}.mp4`;
  const uploadId = await objects.createMultipart(open, 'video/mp4', AbortSignal.timeout(60_000));
  const intended = `posters/${randomUUID()}.jpg`;
  await sql`insert into object_intents (key) values (${intended})`;
  const recent = { ...deps, config: { ...config, sweepGraceSeconds: 3_600 } };
  t.strictSame(await findBreaks(recent), [], 'recent ones may belong to a running upload');
  const aged = { ...deps, config: { ...config, sweepGraceSeconds: -60 } };
  t.strictSame(
    (await findBreaks(aged)).filter((each) => each.startsWith('3')),
    [
      `3: object ${key} has no row`,
      `3: multipart upload ${uploadId} of ${open} is still open`,
      `3: the intent of ${intended} was never deleted`,
    ],
  );
  await objects.abortMultipart(open, uploadId);
  await objects.deleteObject(key);
});

t.test('4: a row without a job, and a job without a row', async (t) => {
  const { deps, video } = await openTestContext(t);
  await deps.producer.remove(video.taskId);
  t.strictSame(await findBreaks(deps), [`4: video ${video.id} waits without a job (task ${video.taskId})`]);
  const stranger = randomUUID();
  await deps.producer.add({ videoId: '9', taskId: stranger, requestId: stranger });
  t.strictSame((await findBreaks(deps))[1], `4: waiting job ${stranger} has no video that waits`);
});

t.test('5: a status that changed in another order', async (t) => {
  const { deps, sql } = await openTestContext(t);
  await sql`alter table videos disable trigger videos_status_update`;
  await sql`update videos set status = 'public' where title = 'Two'`;
  t.match(await findBreaks(deps), [/^5: video \d+ is public, its history ends with processed$/]);
  await sql`insert into video_status_changes (video_id, from_status, to_status)
    select id, 'uploaded', 'public' from videos where title = 'Two'`;
  t.match(await findBreaks(deps), [/^5: video \d+ was processed and went from uploaded to public$/]);
});

t.test('6: a duplicate vote, a wrong counter and a wrong ranking', async (t) => {
  const { deps, sql } = await openTestContext(t);
  await sql`update videos set votes = 4 where title = 'Two'`;
  t.match(await findBreaks(deps), [/^6: videos.votes of \d+ is 4, counted 1$/]);
  await sql`update videos set votes = 2 where title = 'Two'`;
  await sql`update users set votes = 2 where id = 1`;
  await sql`alter table votes drop constraint votes_video_id_user_id_key`;
  await sql`insert into votes (video_id, user_id) select id, 2 from videos where title = 'Two'`;
  t.match(await findBreaks(deps), [/^6: user 2 voted 2 times for video \d+$/]);
  await sql`delete from votes where id = (select max(id) from votes)`;
  await sql`update videos set votes = 1 where title = 'Two'`;
  await sql`update users set votes = 1 where id = 1`;
  const ranking = [
    { position: 1, username: 'Eva Ruiz', city: '', votes: 3 },
    { position: 2, username: 'Ana Ruiz', city: '', votes: 1 },
  ];
  const baseUrl = await serve(t, JSON.stringify(ranking));
  t.strictSame(await findBreaks({ ...deps, service: { baseUrl, metricsUrls: [] } }), [
    '6: position 1 is Ana Ruiz with 1 by the votes, Eva Ruiz with 3 in the API',
    '6: position 2 is Eva Ruiz with 0 by the votes, Ana Ruiz with 1 in the API',
  ]);
});

t.test('7: a key that the server did not make, and a bucket that accepts a wrong owner', async (t) => {
  const { deps, sql, video, config } = await openTestContext(t);
  await sql`update videos set poster_url = 'posters/../secret' where title = 'Two'`;
  t.match((await findBreaks(deps)).at(-1), /^7: video \d+ names posters\/\.\.\/secret, which the server did not make$/);
  await sql`update videos set poster_url = null`;
  const endpoint = await serve(t, '');
  const open = { ...config, s3: { ...config.s3, endpoint } };
  t.match(
    (await findBreaks({ ...deps, config: open })).at(-1),
    /^7: the bucket accepts a request that expects another owner$/,
  );
  t.ok(video.key);
});

t.test('8: a buffer that was not released, and a folder of a job that has ended', async (t) => {
  const { deps, config } = await openTestContext(t);
  const metrics = await serve(t, 'competition_uploads_in_flight 0\ncompetition_part_buffers_in_use 2\n');
  const service = { baseUrl: await serve(t, JSON.stringify(ranks)), metricsUrls: [metrics] };
  t.strictSame(await findBreaks({ ...deps, service }), [`8: ${metrics} shows competition_part_buffers_in_use 2`]);
  mkdirSync(join(config.dataDir, 'scratch', '1-2-left'), { recursive: true });
  t.strictSame(await findBreaks(deps), ['8: 1 job folders for 0 active jobs: 1-2-left']);
});

t.test('an invariant whose check fails does not hold', async (t) => {
  const { deps, sql } = await openTestContext(t);
  await sql`drop table video_status_changes`;
  t.match(await findBreaks(deps), [/^5: could not be checked: .*video_status_changes/]);
});

t.test('the command prints each invariant and exits 1 when one is broken', async (t) => {
  const { values, entry, folder, sql } = await openTestContext(t);
  const ledger = join(folder, 'ledger.jsonl');
  writeFileSync(ledger, `${JSON.stringify(entry)}\n{"status":503}\n\n`);
  const env = { ...process.env, ...values };
  const command = [join(rootFolder, 'dist', 'scripts', 'ops', 'invariants.js'), '--ledger', ledger];
  const good = await tryTool(process.execPath, command, { env });
  t.equal(good.code, 0, good.output);
  t.match(
    good.stdout,
    /^holds {2}1 {2}Every acknowledged upload .*\(1 acknowledged uploads read, 1 other rows compared\)$/m,
  );
  t.match(good.stdout, /^8 invariants hold$/m);
  await sql`update videos set votes = 4 where title = 'Two'`;
  const bad = await tryTool(process.execPath, [...command, '--json'], { env });
  t.equal(bad.code, 1, bad.output);
  const { holds, invariants } = JSON.parse(bad.stdout) as {
    holds: boolean;
    invariants: { number: number; breaks: string[] }[];
  };
  t.equal(holds, false);
  t.strictSame(
    invariants.filter(({ breaks }) => breaks.length > 0).map(({ number }) => number),
    [6],
  );
  writeFileSync(ledger, '{"status":201}\n');
  const unreadable = await tryTool(process.execPath, command, { env });
  t.equal(unreadable.code, 2);
  t.match(unreadable.output, /ledger.jsonl:1 to have sha256, bytes and task_id/);
});
