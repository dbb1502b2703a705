import { join } from 'node:path';
import t from 'tap';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { tryTool } from '../../scripts/lib/run-tool.ts';
import { waitFor } from '../../scripts/lib/wait.ts';
import { jsonBodyDeadlineMs } from '../../src/limits.ts';
import { startTcpProxy } from '../faults/support/tcp-proxy.ts';
import { createEnvironment } from '../support/environment.ts';
import { request } from '../support/http.ts';
import { requireSetting } from '../support/settings.ts';
import { boundary, rawForm, titlePart, uploader, videoPart } from './forms.ts';
import { openSocket, readAnswer } from './raw-http.ts';
import { countStored, mp4, openApi } from './support.ts';

t.test('/readyz is 503 while a dependency is out of reach, and /livez is not', async (t) => {
  const endpoint = new URL(requireSetting('TEST_S3_ENDPOINT'));
  const s3 = await startTcpProxy(t, { port: Number(endpoint.port) });
  endpoint.port = String(s3.port);
  const { call } = await openApi(t, { values: { S3_ENDPOINT: endpoint.origin } });
  s3.setFault({ refuses: true });
  s3.cutAll();
  const refused = await waitFor('the refusal', async () => {
    const answer = await call('GET', '/readyz');
    return answer.status === 503 && answer;
  });
  t.strictSame(Object.keys(refused.json<object>()), ['detail', 'code']);
  t.match(refused.headers['retry-after'], /^\d+$/, 'with Retry-After');
  t.notMatch(refused.text, /ECONN|socket|127\.0\.0\.1|Error/, 'without an exception’s text');
  t.equal((await call('GET', '/livez')).status, 200);
  t.equal((await call('GET', '/api/public/rankings')).status, 200, 'what does not need it is served');
  s3.setFault({});
  await waitFor('readiness to return', async () => (await call('GET', '/readyz')).status === 200);
});

t.test('an unexpected error is 500 with a sentence and the request id, never an exception’s text', async (t) => {
  const { call, environment, newPlayer, service } = await openApi(t);
  const { token } = await newPlayer();
  await environment.sql.unsafe('alter table videos rename to secret_name');
  const answers = [
    await call('GET', '/api/videos', { token }),
    await call('GET', '/api/videos/1', { token }),
    await call('DELETE', '/api/videos/1', { token }),
    await call('POST', '/api/videos/1/publish', { token }),
    await call('POST', '/api/public/videos/1/vote', { token }),
    await call('GET', '/api/public/videos'),
    await call('GET', '/api/tasks/x', { token }),
    await call('POST', '/api/videos/upload', {
      token,
      body: rawForm([titlePart(), videoPart()]),
      headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    }),
  ];
  await environment.sql.unsafe('alter table secret_name rename to videos');
  for (const answer of answers) {
    t.ok(answer.status === 500 || answer.status === 503, String(answer.status));
    const { detail, ...rest } = answer.json<{ detail: string }>();
    t.match(rest, { code: answer.status === 500 ? 'internal_error' : /^(unavailable|upload_not_stored)$/ });
    t.notMatch(answer.text, /secret_name|relation|exist|select|postgres|stack|at /i);
    const id = String(answer.headers['x-request-id']);
    if (answer.status === 500) t.ok(detail.includes(id), 'the request id to ask with');
    else t.match(answer.headers['retry-after'], /^\d+$/);
    await waitFor('its line in the log', () => service.readLog().some((line) => line['requestId'] === id));
  }
  t.equal((await call('GET', '/api/videos', { token })).status, 200, 'and on it goes');
  t.strictSame(await countStored(environment), { videos: 0, intents: 0, objects: 0, openMultiparts: 0 });
});

t.test('on SIGTERM running requests finish, new ones get 503, and the process exits with 0', async (t) => {
  const api = await openApi(t);
  const player = await api.newPlayer();
  const body = rawForm([titlePart(), videoPart(mp4(8_000_000))]);
  const socket = await openSocket(api.service.port);
  const [probe, late] = [await openSocket(api.service.port), await openSocket(api.service.port)];
  const answer = readAnswer(socket);
  const head = (length: number) =>
    `POST /api/videos/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${player.token}\r\nContent-Length: ${length}\r\n` +
    `Content-Type: multipart/form-data; boundary=${boundary}\r\n\r\n`;
  socket.write(head(body.length));
  socket.write(body.subarray(0, 3_000_000));
  const metricsUrl = api.service.metricsUrls.web[0] as string;
  const isReceived = async () => /^competition_uploads_in_flight 1$/m.test((await request(metricsUrl)).text);
  await waitFor('the upload to be in flight', isReceived);
  api.service.web[0]?.signal('SIGTERM');
  await waitFor('the drain', async () => (await api.call('GET', '/readyz')).status === 503);
  const ready = readAnswer(probe);
  probe.write('GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n');
  t.equal((await ready).status, 503, '/readyz');
  t.match((await ready).header('retry-after'), /^\d+$/);
  const refused = readAnswer(late);
  late.write(head(100));
  late.write(body.subarray(0, 100));
  t.equal((await refused).status, 503, 'a new upload');
  t.match((await refused).header('retry-after'), /^\d+$/);
  socket.write(body.subarray(3_000_000));
  t.equal((await answer).status, 201, 'the running upload');
  for (const each of [socket, probe, late]) each.destroy();
  t.strictSame(await api.service.web[0]?.exited, { code: 0, signal: null });
});

t.test('links lead to the media host where one is configured', async (t) => {
  const api = await openApi(t, { values: { MEDIA_HOST: 'https://media.example.com/clips/' } });
  const ana = await api.newPlayer();
  const id = await api.videoIn('public', ana);
  const detail = (await api.call('GET', `/api/videos/${id}`, { token: ana.token })).json<Record<string, string>>();
  t.equal(detail['playback_url'], `https://media.example.com/clips/${detail['processed_url']}`);
  t.match(detail['poster_url'], /^https:\/\/media\.example\.com\/clips\/posters\//);
  const [open] = (await api.call('GET', '/api/public/videos')).json<Record<string, string>[]>();
  t.equal(open?.['playback_url'], detail['playback_url']);
});

t.test('the log of a whole run has a line a request, and no token, password or e-mail', async (t) => {
  const api = await openApi(t);
  const { call, service } = api;
  const secret = 'pass-0123-word';
  const player = await api.newPlayer({ email: `Secret.${Date.now()}@example.com` });
  const tokens = [player.token];
  const credentials = { email: player.email, password: secret };
  await call('POST', '/api/auth/login', { json: credentials });
  await call('POST', '/api/auth/signup', { json: { ...credentials, password1: secret, password2: secret } });
  await call('POST', '/api/auth/login', { body: JSON.stringify(credentials).slice(0, -1) });
  await call('GET', `/api/videos?token=${player.token}&email=${player.email}`, { token: player.token });
  await call('GET', `/${player.token}/${encodeURIComponent(player.email)}/${secret}`);
  await call('GET', '/api/videos', { token: `${player.token}x` });
  await call('GET', `/api/videos/${player.token}`, { token: player.token });
  const id = await api.videoIn('public', player, secret);
  await call('POST', `/api/public/videos/${id}/vote`, { token: player.token });
  await uploader(api, player)(rawForm([titlePart(secret), videoPart(secret)]));
  const answer = await call('GET', '/api/public/rankings?page=2');
  const isTold = () => service.readLog().some((line) => line['requestId'] === answer.headers['x-request-id']);
  await waitFor('the last line of the log', isTold);
  const lines = service.readLog();
  const text = JSON.stringify(lines);
  for (const word of [
    ...tokens,
    player.token.split('.')[1] ?? '',
    player.email,
    player.password,
    secret,
    'example.com',
  ]) {
    t.notOk(text.includes(word), `nothing of ${word.slice(0, 6)}...`);
  }
  const line = lines.find((each) => each['requestId'] === answer.headers['x-request-id']);
  t.match(line, { method: 'GET', route: '/api/public/rankings', status: 200, bytesOut: answer.bytes.length });
  const requests = lines.filter((each) => each['msg'] === 'request');
  t.ok(requests.length >= 15 && requests.every((each) => typeof each['seconds'] === 'number' || 'ms' in each));
});

t.test('a missing setting stops the process at start with one sentence that names it', async (t) => {
  const { values } = await createEnvironment(t);
  const start = (changes: Record<string, string | undefined>) =>
    tryTool(process.execPath, [join(rootFolder, 'dist/src/main.js')], {
      env: { PATH: process.env['PATH'], ...values, PORT: '0', METRICS_PORT: '0', ...changes },
      timeoutMs: 120_000,
    });
  const [database, bucket, several] = await Promise.all([
    start({ DATABASE_URL: undefined }),
    start({ S3_BUCKET_NAME: undefined }),
    start({ DATABASE_URL: undefined, SECRET_KEY: undefined, ALGORITHM: 'none' }),
  ]);
  for (const [{ code, output }, name] of [
    [database, 'DATABASE_URL'],
    [bucket, 'S3_BUCKET_NAME'],
  ] as const) {
    t.equal(code, 1, name);
    t.equal(output.trim().split('\n').length, 1, 'one line');
    t.ok(output.includes(name), output);
  }
  for (const name of ['DATABASE_URL', 'SECRET_KEY', 'ALGORITHM'])
    t.ok(several.output.includes(name), 'every fault at once');
});

t.test('a client that leaves in the middle of its body ends the request, and is not an error', async (t) => {
  const { service } = await openApi(t);
  const socket = await openSocket(service.port);
  socket.write('POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{"em');
  socket.end();
  const line = await waitFor('the request to be over', () =>
    service.readLog().find((each) => each['route'] === '/api/auth/login' && each['status'] === 499),
  );
  t.ok(Number(line['seconds']) < jsonBodyDeadlineMs / 1000, 'it did not wait for the rest of the body');
  t.strictSame(
    service.readLog().filter((each) => Number(each['level']) >= 50),
    [],
  );
});
