import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { runEngine } from '../k6/run-engine.ts';
import { openSink } from '../k6/sink.ts';

const fileBytes = 66 * 1024 * 1024;
const uploads = 30;

t.test('30 uploads of 66 MiB at once stay under 150 MB of memory', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'uploads-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'video.mp4');
  writeFileSync(path, '');
  truncateSync(path, fileBytes);
  const sink = await openSink(t, () => ({ status: 201 }));
  const text = `
import { check } from 'k6';
import http from 'k6/http';
const video = open('${path}', 'b');
export const options = { scenarios: { uploads: {
  executor: 'constant-arrival-rate', rate: ${uploads * 10}, duration: '100ms', preAllocatedVUs: ${uploads}, gracefulStop: '100s' } } };
export default async () => {
  const form = { title: 'a', video_file: http.file(video, 'a.mp4', 'video/mp4') };
  const response = await http.asyncRequest('POST', __ENV['TARGET'] + '/', form, { tags: { name: 'upload' }, timeout: '100s' });
  check(response, { created: ({ status }) => status === 201 });
};
`;
  const { code, output, result } = await runEngine(t, { text }, { TARGET: sink.url });
  t.equal(code, 0, output);
  t.strictSame(result?.summary.root_group.checks, [{ name: 'created', path: '::created', passes: uploads, fails: 0 }]);
  t.equal(sink.state.inFlightPeak, uploads, 'all at once');
  t.ok(sink.state.bytes > uploads * fileBytes, 'every byte arrived');
  const sentBytes = result?.summary.metrics['data_sent']?.values['count'];
  t.equal(sentBytes, sink.state.bytes);
  const memoryMb = ((result?.memoryPeakMiB ?? Number.NaN) * 1024 * 1024) / 1e6;
  t.ok(memoryMb < 150, `${memoryMb.toFixed(0)} MB`);
});
