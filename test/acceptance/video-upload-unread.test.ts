import t from 'tap';
import { waitFor } from '../../scripts/lib/wait.ts';
import { request } from '../support/http.ts';
import { expectSentence, leavesNothing, rawForm, titlePart, uploadHead, videoPart } from './forms.ts';
import { openSocket, readAnswer, sendRaw } from './raw-http.ts';
import { mp4, openApi } from './support.ts';

const api = await openApi(t);
const { service } = api;
const ana = await api.newPlayer();
const small = rawForm([titlePart(), videoPart()]);
const large = rawForm([titlePart(), videoPart(mp4(20_000_000))]);

const head = uploadHead(ana.token);

async function readBytes(): Promise<number> {
  const { text } = await request(service.metricsUrls.web[0] as string);
  return Number(/^competition_upload_bytes_total (\d+)/m.exec(text)?.[1] ?? 0);
}

t.test('a larger body without a token is read up to 1 MiB, then the connection is closed', async (t) => {
  await leavesNothing(t, api, async () => {
    const before = await readBytes();
    const socket = await openSocket(service.port);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    const answer = readAnswer(socket);
    socket.write(head([`Content-Length: ${large.length}`], 'nonsense'));
    socket.write(large);
    expectSentence(t, await answer, 401);
    await closed;
    const read = (await readBytes()) - before;
    t.ok(read > 0 && read < 2 * 1024 * 1024, `${read} bytes, what one read of the socket delivers included`);
  });
});

t.test('a Content-Length over 101 MiB is refused before the body is read, and the error names the size', async (t) => {
  const limit = 101 * 1024 * 1024;
  const sizes: [number, string][] = [
    [limit + 1, '101.00'],
    [150 * 1024 * 1024, '150.00'],
    [10_737_418_240, '10240.00'],
    [999_999_999_999_999, '953674316.41'],
  ];
  for (const [length, megabytes] of sizes) {
    await leavesNothing(t, api, async () => {
      const answer = await sendRaw(service.port, head([`Content-Length: ${length}`]));
      expectSentence(t, answer, 400);
      const detail = `El archivo excede el tamaño máximo permitido de 100MB. Tamaño: ${megabytes}MB`;
      t.strictSame(JSON.parse(answer.body), { detail });
    });
  }
  const unknown = await sendRaw(service.port, head([`Content-Length: ${limit + 1}`], 'nonsense'));
  expectSentence(t, unknown, 401);
});

t.test('a client without a token reads the response, however much of its body is unsent', async (t) => {
  for (let round = 0; round < 20; round += 1) {
    const body = large.subarray(0, [1_000_000, 3_000_000, large.length][round % 3]);
    await leavesNothing(t, api, async () => {
      const answer = await sendRaw(service.port, head([`Content-Length: ${body.length}`], 'nonsense'), {
        chunks: [body],
      });
      expectSentence(t, answer, 401);
      t.equal(answer.header('connection'), body.length > 2_000_000 ? 'close' : undefined);
    });
  }
});

t.test('a refusal does not end the connection when little of the body was left', async (t) => {
  const before = await readBytes();
  const socket = await openSocket(service.port);
  const refused = readAnswer(socket);
  socket.write(head(['Content-Length: 300000'], 'nonsense'));
  expectSentence(t, await refused, 401);
  socket.write(large.subarray(0, 300_000));
  await waitFor('the rest to be dropped', async () => (await readBytes()) === before + 300_000);
  const answer = readAnswer(socket);
  socket.write(head([`Content-Length: ${small.length}`]));
  socket.write(small);
  t.equal((await answer).status, 201);
  socket.destroy();
});

t.test('a client that waits for 100 Continue before its body reads the refusal', async (t) => {
  const lines = [`Content-Length: 500000`, 'Expect: 100-continue'];
  for (let round = 0; round < 10; round += 1) {
    const answer = await sendRaw(service.port, head(lines, 'nonsense'), { chunks: [large.subarray(0, 500_000)] });
    expectSentence(t, answer, 401);
  }
  const good = await sendRaw(service.port, head([`Content-Length: ${small.length}`, 'Expect: 100-continue']), {
    chunks: [small],
  });
  t.equal(good.status, 201);
});

t.test('a wrong type is reported before the body has arrived', async (t) => {
  await leavesNothing(t, api, async () => {
    const body = rawForm([titlePart(), videoPart(mp4(20_000_000), 'video/avi')]);
    const answer = await sendRaw(service.port, head([`Content-Length: ${body.length}`]), {
      chunks: [body.subarray(0, 500)],
    });
    expectSentence(t, answer, 400);
  });
});
