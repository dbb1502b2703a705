import t from 'tap';
import { waitFor } from '../../scripts/lib/wait.ts';
import { uploadsPerUserMax } from '../../src/limits.ts';
import { untilIdle } from '../faults/support/settle.ts';
import { expectSentence, leavesNothing, rawForm, titlePart, uploader, uploadHead, videoPart } from './forms.ts';
import { openSocket, readAnswer } from './raw-http.ts';
import { mp4, openApi } from './support.ts';

const api = await openApi(t, { env: { RATE_LIMIT_LOOPBACK: 'on' } });
const { service } = api;
const [ana, bea] = [await api.newPlayer(), await api.newPlayer()];
const form = rawForm([titlePart(), videoPart(mp4(200_000))]);
const head = uploadHead(ana.token);

async function inProgress(): Promise<number> {
  const text = await (await fetch(service.metricsUrls.web[0] as string)).text();
  return Number(/^competition_uploads_in_flight (\d+)$/m.exec(text)?.[1]);
}

t.test(
  'a user has a bound of uploads at once, others have their own, and an upload that ends makes room',
  async (t) => {
    await leavesNothing(t, api, async () => {
      const open = [];
      for (let i = 0; i < uploadsPerUserMax; i += 1) {
        const socket = await openSocket(service.port);
        socket.on('error', () => undefined).resume();
        socket.write(head([`Content-Length: ${form.length}`]));
        socket.write(form.subarray(0, 1000));
        open.push(socket);
      }
      await waitFor('all to be in progress', async () => (await inProgress()) === uploadsPerUserMax);
      const socket = await openSocket(service.port);
      const answer = readAnswer(socket);
      socket.write(head([`Content-Length: ${form.length}`]));
      expectSentence(t, await answer, 429);
      t.match((await answer).header('retry-after'), /^\d+$/);
      socket.destroy();
      t.equal((await uploader(api, bea)('x', { contentType: 'text/plain' })).status, 422, 'another user is served');
      for (const each of open) each.destroy();
    });
    await untilIdle(service);
    const answer = await uploader(api, ana)(form);
    t.equal(answer.status, 201, answer.text);
    await api.call('DELETE', `/api/videos/${answer.json<{ video_id: number }>().video_id}`, { token: ana.token });
  },
);

t.test('an upload in small pieces is stored, and holds no more than it has sent', async (t) => {
  const socket = await openSocket(service.port);
  const answer = readAnswer(socket);
  socket.write(head([`Content-Length: ${form.length}`]));
  const pages = async () => {
    const text = await (await fetch(service.metricsUrls.web[0] as string)).text();
    return Number(/^competition_part_buffers_in_use (\d+)$/m.exec(text)?.[1]);
  };
  for (let at = 0; at < form.length; at += 20_000) {
    socket.write(form.subarray(at, at + 20_000));
    if (at === 100_000) await waitFor('memory to be given back', async () => (await pages()) === 2);
  }
  t.equal((await answer).status, 201);
  socket.destroy();
  await untilIdle(service);
});

t.test('a body that turns out to be no form, far into a video, is refused and its memory is free again', async (t) => {
  await leavesNothing(t, api, async () => {
    const bytes = Buffer.concat([
      rawForm([videoPart(mp4(6_000_000))]).subarray(0, -6),
      Buffer.from('\r\nnot a boundary'),
    ]);
    const answer = await uploader(api, bea)(bytes);
    t.equal(answer.status, 400, answer.text);
  });
  await untilIdle(service);
});
