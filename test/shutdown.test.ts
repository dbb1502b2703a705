import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import t from 'tap';
import { waitFor } from '../scripts/lib/wait.ts';
import { makeClip } from './support/clip.ts';
import { createEnvironment } from './support/environment.ts';
import { request } from './support/http.ts';
import { buildUploadForm } from './support/multipart.ts';
import { createPlayer } from './support/player.ts';
import { startService } from './support/service.ts';

/** Throws outside of every request when the signal arrives, as a defect of a timer or an event handler would. */
const preload = encodeURIComponent('process.on("SIGUSR2",()=>{throw new Error("of the test")})');

t.test(
  'an exception that nothing caught ends the process after its uploads, with an exit code that gets it replaced',
  async (t) => {
    const environment = await createEnvironment(t, {
      values: { NODE_OPTIONS: `--import=data:text/javascript,${preload}` },
    });
    const service = await startService(t, environment, { webProcesses: 1 });
    const { token } = await createPlayer(service.baseUrl);
    const form = buildUploadForm(readFileSync(await makeClip()));
    const half = Math.floor(form.body.length / 2);
    let goOn = () => {};
    const isTold = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    async function* inHalves() {
      yield form.body.subarray(0, half);
      await isTold;
      yield form.body.subarray(half);
    }
    const headers = { ...form.headers, 'content-length': String(form.body.length) };
    const upload = request(`${service.baseUrl}/api/videos/upload`, { token, headers, body: Readable.from(inHalves()) });
    const metrics = service.metricsUrls.web[0] as string;
    await waitFor('the upload to begin', async () =>
      /competition_uploads_in_flight 1/.test((await request(metrics)).text),
    );
    const [web] = service.web;
    process.kill(web?.pid ?? 0, 'SIGUSR2');
    await waitFor('the process to drain', async () => (await request(`${service.baseUrl}/readyz`)).status === 503);
    goOn();
    t.equal((await upload).status, 201, 'the upload is finished first');
    t.strictSame(await web?.exited, { code: 1, signal: null });
    t.ok(service.readLog().some((line) => line['msg'] === 'unexpected error, stopping'));
  },
);
