import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { runEngine } from './run-engine.ts';
import { openSink } from './sink.ts';

const fileBytes = 1024 * 1024;

t.test('slow clients and aborting clients are counted separately', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'client-behavior-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'video.mp4');
  writeFileSync(path, Buffer.alloc(fileBytes));
  const sink = await openSink(t, () => ({ status: 201 }));
  const text = `
import http from 'k6/http';
const video = open('${path}', 'b');
export const options = { scenarios: { uploads: {
  executor: 'constant-arrival-rate', rate: 10, duration: '2s', preAllocatedVUs: 20, gracefulStop: '60s' } } };
export default async () => {
  const form = { video_file: http.file(video, 'a.mp4', 'video/mp4') };
  await http.asyncRequest('POST', __ENV['TARGET'] + '/', form, { tags: { name: 'upload' } });
};
`;
  const behavior = ['--slow', '0.2:1048576', '--abort', '0.1'];
  const { code, output, result } = await runEngine(t, { text }, { TARGET: sink.url }, behavior);
  t.equal(code, 0, output);
  const count = (name: string) => {
    const index = result?.requests.names.indexOf(name) ?? -1;
    return result?.requests.name.filter((each) => each === index).length;
  };
  t.equal(count('upload (slow client)'), 4);
  t.equal(result?.summary.metrics['client_aborts']?.values['count'], 2);
  t.equal(count('upload'), 14);
  const slow = result?.requests.names.indexOf('upload (slow client)');
  const times = result?.requests.durationMs.filter((_, i) => result?.requests.name[i] === slow) ?? [];
  t.ok(Math.min(...times) >= 500, `${times} ms for a second's worth of bytes`);
  t.equal(result?.scenarios[0]?.failed, 0, 'an aborting client is not a failure');
});

t.test('a share above 1 is rejected', async (t) => {
  const text = 'export default () => {};';
  const { code, output } = await runEngine(t, { text }, {}, ['--slow', '2:0']);
  t.equal(code, 104);
  t.match(output, /Expected --slow to be like 0\.1:20000/);
});
