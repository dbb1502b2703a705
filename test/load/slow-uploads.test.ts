import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { expectSentence, leavesNothing, rawForm, titlePart, uploadHead, videoPart } from '../acceptance/forms.ts';
import { openSocket, readAnswer } from '../acceptance/raw-http.ts';
import { mp4, openApi } from '../acceptance/support.ts';
import { untilIdle } from '../faults/support/settle.ts';

const api = await openApi(t);
const { service } = api;
const ana = await api.newPlayer();
const form = rawForm([titlePart(), videoPart(mp4(200_000))]);
const head = uploadHead(ana.token)([`Content-Length: ${form.length}`]);
t.setTimeout(240_000);

async function open() {
  const socket = await openSocket(service.port);
  const answer = readAnswer(socket, { timeoutMs: 200_000 });
  socket.write(head);
  return { socket, answer };
}

/** These take minutes, and wait at the same time. */
await Promise.all([
  t.test('a client may pause for 30 s in the middle of a body', async (t) => {
    const { socket, answer } = await open();
    socket.write(form.subarray(0, 100_000));
    await sleep(30_000);
    socket.write(form.subarray(100_000));
    t.equal((await answer).status, 201);
    socket.destroy();
  }),
  t.test('2 KiB/s are served', async (t) => {
    const { socket, answer } = await open();
    socket.write(form.subarray(0, form.length - 90_000));
    for (let at = form.length - 90_000; at < form.length; at += 2_048) {
      socket.write(form.subarray(at, at + 2_048));
      await sleep(1_000);
    }
    t.equal((await answer).status, 201);
    socket.destroy();
  }),
]);

t.test('behind the pause there is a 408 that the client can read, and nothing is left', async (t) => {
  await leavesNothing(t, api, async () => {
    const { socket, answer } = await open();
    socket.write(form.subarray(0, 100_000));
    expectSentence(t, await answer, 408);
    socket.destroy();
  });
  await untilIdle(service);
});
