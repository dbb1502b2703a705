import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { boundary, leavesNothing, rawForm, titlePart, uploader, videoPart } from './forms.ts';
import { openSocket } from './raw-http.ts';
import { mp4, openApi } from './support.ts';

const api = await openApi(t);
const { service } = api;
const ana = await api.newPlayer();
const send = uploader(api, ana);
const large = rawForm([titlePart(), videoPart(mp4(20_000_000))]);

function head(framing: string): string {
  const type = `Content-Type: multipart/form-data; boundary=${boundary}`;
  const lines = ['POST /api/videos/upload HTTP/1.1', 'Host: x', `Authorization: Bearer ${ana.token}`, type, framing];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

function chunk(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
}

t.test('a client that goes away in mid-upload leaves nothing, however it goes', async (t) => {
  for (const framing of [`Content-Length: ${large.length}`, 'Transfer-Encoding: chunked']) {
    for (const share of [0, 0.001, 0.26, 0.5, 0.9, 0.9999]) {
      for (const way of ['end', 'destroy', 'reset'] as const) {
        await leavesNothing(t, api, async () => {
          const socket = await openSocket(service.port);
          socket.on('error', () => undefined);
          socket.resume();
          socket.write(head(framing));
          const sent = large.subarray(0, Math.floor(large.length * share));
          const bytes = framing.startsWith('T') ? (sent.length > 0 ? chunk(sent) : Buffer.alloc(0)) : sent;
          await new Promise((resolve) => socket.write(bytes, resolve));
          await sleep(20);
          if (way === 'end') socket.end();
          else if (way === 'destroy') socket.destroy();
          else socket.resetAndDestroy();
          await sleep(30);
          if (way === 'end') socket.destroy();
        });
      }
    }
  }
});

t.test('an upload after all this is served', async (t) => {
  t.equal((await send(large)).status, 201);
});
