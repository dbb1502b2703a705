import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { tryTool } from '../../scripts/lib/run-tool.ts';
import { waitFor } from '../../scripts/lib/wait.ts';
import { settle } from '../faults/support/settle.ts';
import { makeClip } from '../support/clip.ts';
import { createEnvironment } from '../support/environment.ts';
import { request } from '../support/http.ts';
import { buildUploadForm } from '../support/multipart.ts';
import { createPlayer, type Player } from '../support/player.ts';
import { startService } from '../support/service.ts';

/** An older release has the command at another path. */
function findMigrate(release: string): string {
  const command = join(release, 'dist/scripts/ops/migrate.js');
  return existsSync(command) ? command : join(release, 'dist/scripts/migrate.js');
}

/** Built by scripts/test/aws/releases.ts; empty without the history. */
const folder = process.env['PREVIOUS_RELEASE'] ?? '';
const skip = folder === '' && 'the commit before the newest migration is not in this clone: fetch the whole history';

t.test('the previous release works on this schema, beside this release and after a rollback', { skip }, async (t) => {
  const environment = await createEnvironment(t, { values: { SWEEP_GRACE_SECONDS: '1' } });
  const current = await startService(t, environment, { worker: true });
  const before = await createPlayer(current.baseUrl);
  const kept = await showVideo(current.baseUrl, before);

  await t.test('it starts on a newer schema without changing it', async (t) => {
    const env = { ...process.env, ...environment.values };
    const { code, output } = await tryTool(process.execPath, [findMigrate(folder)], { env });
    t.equal(code, 0, output);
    t.match(output, /Nothing to do/);
  });

  const previous = await startService(t, environment, { worker: true, folder });
  await t.test('both serve during a replacement, each with a worker', async (t) => {
    const videos = await Promise.all(
      [current, previous, current, previous].map(({ baseUrl }) => uploadVideo(baseUrl, before)),
    );
    for (const [i, id] of videos.entries()) {
      const { baseUrl } = i % 2 === 0 ? previous : current;
      t.equal(await untilProcessed(baseUrl, before, id), 'processed');
    }
    for (const { baseUrl } of [current, previous]) {
      const { token } = await createPlayer(baseUrl);
      const vote = await request(`${baseUrl}/api/public/videos/${kept}/vote`, { method: 'POST', token });
      t.equal(vote.status, 200, vote.text);
    }
  });

  await current.stop();
  await t.test('alone it serves every request of a client', async (t) => {
    const { baseUrl } = previous;
    t.equal((await request(`${baseUrl}/readyz`)).status, 200);
    const { email, password } = before;
    t.equal((await request(`${baseUrl}/api/auth/login`, { json: { email, password } })).status, 200);
    const after = await createPlayer(baseUrl);
    const shown = await showVideo(baseUrl, after);
    for (const id of [kept, shown]) {
      const vote = await request(`${baseUrl}/api/public/videos/${id}/vote`, { method: 'POST', token: before.token });
      t.equal(vote.status, 200, vote.text);
    }
    const dropped = await uploadVideo(baseUrl, after);
    const video = `${baseUrl}/api/videos/${dropped}`;
    t.equal((await request(video, { method: 'DELETE', token: after.token })).status, 200);
    t.equal((await request(video, { token: after.token })).status, 404);
    const list = (await request(`${baseUrl}/api/videos`, { token: before.token })).json<unknown[]>();
    t.equal(list.length, 5);
    await waitFor('the votes to be ranked', async () => {
      const ranked = (await request(`${baseUrl}/api/public/rankings`)).json<{ votes: number }[]>();
      return ranked[0]?.votes === 3 && ranked[1]?.votes === 1;
    });
  });
  await previous.stop();

  await t.test('this release reads what it wrote', async (t) => {
    const again = await startService(t, environment);
    const ids = (await request(`${again.baseUrl}/api/public/videos`)).json<{ id: number }[]>();
    t.equal(ids.length, 2);
    t.strictSame((await settle(environment, [again], [])).breaks, []);
    await again.stop();
  });
});

async function uploadVideo(baseUrl: string, { token }: Player): Promise<number> {
  const form = buildUploadForm(readFileSync(await makeClip()));
  const answer = await request(`${baseUrl}/api/videos/upload`, { token, ...form });
  if (answer.status !== 201) throw new Error(`Expected the upload to answer 201, got ${answer.status} ${answer.text}`);
  const [newest] = (await request(`${baseUrl}/api/videos`, { token })).json<{ video_id: number }[]>();
  return answer.json<{ video_id?: number }>().video_id ?? newest?.video_id ?? 0;
}

async function untilProcessed(baseUrl: string, { token }: Player, id: number): Promise<string> {
  let status = '';
  await waitFor(
    `video ${id} to be processed`,
    async () => {
      status = (await request(`${baseUrl}/api/videos/${id}`, { token })).json<{ status: string }>().status;
      return status === 'processed' || status === 'failed';
    },
    { timeoutMs: 60_000 },
  );
  return status;
}

/** Uploaded, processed and published. */
async function showVideo(baseUrl: string, player: Player): Promise<number> {
  const id = await uploadVideo(baseUrl, player);
  await untilProcessed(baseUrl, player, id);
  const answer = await request(`${baseUrl}/api/videos/${id}/publish`, { method: 'POST', token: player.token });
  if (answer.status !== 200) throw new Error(`Expected the video to be published, got ${answer.status} ${answer.text}`);
  return id;
}
