import t from 'tap';
import { createEnvironment } from '../support/environment.ts';
import { createPlayer } from '../support/player.ts';
import { startService } from '../support/service.ts';
import { openUploadClient } from './support/client.ts';
import { openFaultRun } from './support/fault-run.ts';
import type { RawUpload } from './support/raw-upload.ts';
import { faultEnvironment, settle, untilIdle } from './support/settle.ts';
import { makeVideo } from './support/video.ts';

const partBytes = 5 * 1024 * 1024;
const videoBytes = 2 * partBytes + 300_000;
const ways = ['fin', 'rst', 'stall'] as const;
const run = openFaultRun('cut-clients', 36, (rounds) => Math.ceil(rounds * 1.5));
const atOnce = 6;
t.setTimeout(180_000 + run.rounds * 5_000);

t.test('a client that is cut off at any edge leaves nothing', async (t) => {
  const environment = await createEnvironment(t, faultEnvironment);
  const service = await startService(t, environment);
  const { token } = await createPlayer(service.baseUrl);
  const client = openUploadClient();
  const video = makeVideo(videoBytes, 1);
  const edges = listEdges(video.start, video.form.body.length);

  const cuts = Array.from({ length: run.rounds }, (_, i): NonNullable<RawUpload['cut']> => {
    const afterBytes = i < edges.length * ways.length ? edges[Math.floor(i / ways.length)] : undefined;
    return {
      afterBytes: afterBytes ?? run.random.int(0, video.form.body.length - 1),
      how: ways[i % ways.length] ?? 'rst',
    };
  });
  // Silent clients take the longest to be noticed: they wait together.
  const stalls = cuts.filter((cut) => cut.how === 'stall');
  const others = cuts.filter((cut) => cut.how !== 'stall');
  const cutOne = (cut: RawUpload['cut'], chunkBytes?: number) =>
    client.upload(video, { port: service.port, token, cut, timeoutMs: 90_000, ...(chunkBytes ? { chunkBytes } : {}) });
  const waiting = inTurn(stalls, 16, (cut) => cutOne(cut));
  await inTurn(others, atOnce, (cut, i) => cutOne(cut, i % 5 === 4 ? 100_000 : undefined));
  await waiting;
  await untilIdle(service);

  t.strictSame(client.ledger, [], 'none was acknowledged');
  const [rows] = await environment.sql<{ count: number }[]>`select count(*) from videos`;
  const left = {
    rows: rows?.count,
    objects: await environment.bucket.keys(),
    open: await environment.bucket.openMultiparts(),
  };
  const { swept, breaks } = await settle(environment, [service], client.ledger);
  t.equal(left.rows, 0, 'no row');
  t.strictSame(await environment.bucket.keys(), [], 'no object');
  t.strictSame(await environment.bucket.openMultiparts(), [], 'no open multipart upload');
  t.strictSame(breaks, []);
  t.ok(await isStillServed(), 'the next upload is served');
  run.report({
    cuts: cuts.length,
    rows: left.rows ?? 0,
    objects_before_a_sweep: left.objects.length,
    open_uploads_before_a_sweep: left.open.length,
    ...client.statuses,
    ...swept,
  });

  async function isStillServed(): Promise<boolean> {
    const outcome = await client.upload(makeVideo(videoBytes, 2), { port: service.port, token });
    return outcome.kind === 'answered' && outcome.status === 201;
  }
});

/** One byte before, at and after every boundary: the start of the body and of the video, the end of each part, the last bytes. */
function listEdges(start: number, length: number): number[] {
  const places = [1, start, start + 12, start + partBytes, start + 2 * partBytes, start + videoBytes, length - 2];
  return places.flatMap((place) => [place - 1, place, place + 1]);
}

/** At most `atOnce` at a time. */
async function inTurn<T>(items: readonly T[], limit: number, work: (item: T, index: number) => Promise<unknown>) {
  let next = 0;
  const runner = async () => {
    for (let i = next++; i < items.length; i = next++) await work(items[i] as T, i);
  };
  await Promise.all(Array.from({ length: limit }, runner));
}
