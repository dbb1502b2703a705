import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent, request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { startChild } from '../../scripts/lib/child.ts';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { freePort } from '../../scripts/lib/ports.ts';
import { findOnPath, runTool } from '../../scripts/lib/run-tool.ts';
import { waitFor } from '../../scripts/lib/wait.ts';
import { makeClip } from '../support/clip.ts';
import { createEnvironment } from '../support/environment.ts';
import { request } from '../support/http.ts';
import { buildUploadForm } from '../support/multipart.ts';
import { createPlayer } from '../support/player.ts';
import { startService } from '../support/service.ts';

t.test('nginx streams uploads, and no request meets a closed keep-alive connection', async (t) => {
  const environment = await createEnvironment(t);
  const service = await startService(t, environment, { env: { TRUSTED_HOPS: '1' } });
  const folder = join(environment.folder, 'nginx');
  mkdirSync(join(folder, 'tmp'), { recursive: true });
  const port = await freePort();
  const path = await adapt(folder, port, service.port);
  const nginx = findOnPath('nginx') ?? 'nginx';
  await runTool(nginx, ['-t', '-c', path]);
  const child = await startChild({
    command: nginx,
    args: ['-c', path, '-g', 'daemon off;'],
    env: process.env,
    logPath: join(folder, 'nginx.log'),
    stopSignal: 'SIGQUIT',
  });
  t.teardown(async () => void (await child.stop()));

  const agent = new Agent({ rejectUnauthorized: false, keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const call = (target: string, options: CallOptions = {}) => callTls(agent, port, target, options);
  await waitFor('nginx', async () => (await call('/')).status === 200);
  const { token } = await createPlayer(service.baseUrl);

  // Idle for longer than either side keeps a connection, and for about as long: never a 502.
  for (const seconds of [5, 7, 9, 11]) {
    t.equal((await call('/')).status, 200);
    await sleep(seconds * 1000);
    t.equal((await call('/')).status, 200, `after ${seconds} s`);
  }

  const form = buildUploadForm(readFileSync(await makeClip({ seconds: 4, size: '640x480' })));
  const upload = call('/api/videos/upload', { token, headers: form.headers, body: form.body, pauseMs: 3_000 });
  await waitFor('the upload to reach the service while it is still being sent', async () => {
    const metrics = (await request(service.metricsUrls.web[0] ?? '')).text;
    return /^competition_uploads_in_flight 1$/m.test(metrics);
  });
  t.same(filesIn(join(folder, 'tmp')), [], 'nothing of it lies in a file');
  t.equal((await upload).status, 201);
  const tooLong = await call('/api/videos/upload', { token, headers: { 'content-length': String(200 * 1024 * 1024) } });
  t.equal(tooLong.status, 413);
});

interface CallOptions {
  token?: string;
  headers?: Record<string, string>;
  body?: Buffer;
  /** Runs between the two halves of the body. */
  pauseMs?: number;
}

function callTls(agent: Agent, port: number, path: string, options: CallOptions): Promise<{ status: number }> {
  const { token, body, headers, pauseMs = 0 } = options;
  return new Promise((resolve, reject) => {
    const method = headers === undefined ? 'GET' : 'POST';
    const length = body === undefined ? {} : { 'content-length': String(body.length) };
    const bearer = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const call = httpsRequest(
      { host: '127.0.0.1', port, path, method, agent, headers: { ...headers, ...length, ...bearer } },
      (answer) => {
        answer.resume();
        answer.once('end', () => resolve({ status: answer.statusCode ?? 0 }));
      },
    );
    call.once('error', reject);
    call.flushHeaders();
    if (body === undefined) {
      if (method === 'GET') call.end();
      else call.once('response', () => call.destroy());
      return;
    }
    const half = body.length >> 1;
    call.write(body.subarray(0, half));
    setTimeout(() => call.end(body.subarray(half)), pauseMs);
  });
}

/** Returns nginx.conf with other ports, paths and certificate. */
async function adapt(folder: string, port: number, servicePort: number): Promise<string> {
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-days', '2'];
  await runTool('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    key,
    '-out',
    certificate,
    ...subject,
  ]);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/tmp/${name};`,
  );
  const text = readFileSync(join(rootFolder, 'scripts/aws/nginx.conf'), 'utf8')
    .replace('/run/nginx.pid', `${folder}/nginx.pid`)
    .replaceAll('/var/log/nginx', folder)
    .replace('http {', `http {\n${temporary.join('\n')}`)
    .replace('127.0.0.1:8000', `127.0.0.1:${servicePort}`)
    .replace('listen 80;', `listen 127.0.0.1:${await freePort()};`)
    .replace('listen 443 ssl http2;', `listen 127.0.0.1:${port} ssl http2;`)
    .replace(/^ *listen \[::\].*\n/gm, '')
    .replace('/etc/ssl/anb/fullchain.pem', certificate)
    .replace('/etc/ssl/anb/key.pem', key);
  const path = join(folder, 'nginx.conf');
  // As root, nginx runs its processes as another user, who may not enter the folder.
  writeFileSync(path, process.getuid?.() === 0 ? `user root;\n${text}` : text);
  return path;
}

function filesIn(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}
