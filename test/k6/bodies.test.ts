import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { runEngine } from './run-engine.ts';

t.test('a slow server receives the form with the file, byte for byte', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bodies-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const content = randomBytes(3_000_001);
  writeFileSync(join(folder, 'video.mp4'), content);
  const forms: FormData[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) {
      chunks.push(chunk as Buffer);
      await sleep(1);
    }
    const headers = { 'content-type': String(request.headers['content-type']) };
    forms.push(await new Response(Buffer.concat(chunks), { headers }).formData());
    response.writeHead(201).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const text = `
import http from 'k6/http';
const video = open('${join(folder, 'video.mp4')}', 'b');
export const options = { scenarios: { s: { executor: 'constant-arrival-rate', rate: 40, duration: '100ms', preAllocatedVUs: 4 } },
  thresholds: { http_req_failed: ['rate<=0'] } };
export default async () => {
  const form = { title: 'ñandú "x"', video_file: http.file(video, 'a "b".mp4', 'video/mp4') };
  await http.asyncRequest('POST', __ENV['TARGET'] + '/', form, { tags: { name: 'upload' } });
};
`;
  const target = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { code, output } = await runEngine(t, { text }, { TARGET: target });
  t.equal(code, 0, output);
  t.equal(forms.length, 4);
  const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
  for (const form of forms) {
    t.equal(form.get('title'), 'ñandú "x"');
    const file = form.get('video_file') as File;
    t.equal(file.type, 'video/mp4');
    t.equal(hash(new Uint8Array(await file.arrayBuffer())), hash(content));
  }
});
