import t, { type Test } from 'tap';
import { boundary, rawForm, titlePart, videoPart } from '../acceptance/forms.ts';
import { openSocket, type RawAnswer, readAnswer } from '../acceptance/raw-http.ts';
import { openApi } from '../acceptance/support.ts';

/**
 * An answer in one cork leaves in one system call, so on the loopback a client's one read has all of it. Without a cork the
 * status line, each header and the body leave one by one whenever the answer is given in a later turn, and are read so.
 */
const api = await openApi(t);
const { port } = api.service;
const ana = await api.newPlayer();
const ben = await api.newPlayer();

async function ask(
  method: string,
  path: string,
  { token = '', body = '', lines = [] as string[] } = {},
): Promise<RawAnswer> {
  const socket = await openSocket(port);
  try {
    const answer = readAnswer(socket, { isHead: method === 'HEAD' });
    const authorization = token === '' ? [] : [`Authorization: Bearer ${token}`];
    const length =
      method === 'POST' && !lines.some((line) => line.startsWith('Transfer')) ? [`Content-Length: ${body.length}`] : [];
    const all = [`${method} ${path} HTTP/1.1`, 'Host: x', ...authorization, ...length, ...lines];
    socket.write(`${all.join('\r\n')}\r\n\r\n${body}`, 'latin1');
    return await answer;
  } finally {
    socket.destroy();
  }
}

/** Several times: an answer in several writes may now and then be read at once, one in one write can never be read in parts. */
async function expectOneRead(t: Test, status: number, ...request: Parameters<typeof ask>): Promise<void> {
  const reads: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const answer = await ask(...request);
    t.equal(answer.status, status, `${request[0]} ${request[1]}`);
    reads.push(answer.reads);
  }
  t.equal(Math.max(...reads), 1, `${request[0]} ${request[1]} in one write, read in ${reads.join(', ')}`);
}

const rounds = 10;
const token = ana.token;
const json = (value: unknown) => ({ body: JSON.stringify(value), lines: ['Content-Type: application/json'] });
const form = (body: Buffer) => ({
  token,
  body: body.toString('latin1'),
  lines: [`Content-Type: multipart/form-data; boundary=${boundary}`],
});

t.test('answers given at once go out in one write', async (t) => {
  for (const path of ['/', '/livez', '/docs']) await expectOneRead(t, 200, 'GET', path);
  await expectOneRead(t, 200, 'HEAD', '/');
  await expectOneRead(t, 307, 'GET', '/redoc');
  await expectOneRead(t, 404, 'GET', '/nowhere');
  await expectOneRead(t, 405, 'PUT', '/');
  await expectOneRead(t, 401, 'GET', '/api/videos');
  await expectOneRead(t, 422, 'GET', '/api/public/rankings?page=0');
});

t.test('answers that waited for the database, a hash or a file go out in one write', async (t) => {
  const id = await api.videoIn('public', ana);
  const { task_id } = await api.upload(ana);
  for (const path of ['/api/public/rankings', '/api/public/videos', '/readyz']) {
    for (let round = 0; round < 3; round += 1) await expectOneRead(t, 200, 'GET', `${path}?limit=${10 + round}`);
  }
  await expectOneRead(t, 200, 'GET', '/api/videos', { token });
  await expectOneRead(t, 200, 'GET', `/api/videos/${id}`, { token });
  await expectOneRead(t, 200, 'HEAD', `/api/videos/${id}`, { token });
  await expectOneRead(t, 200, 'GET', `/api/tasks/${task_id}`, { token });
  await expectOneRead(t, 404, 'GET', '/api/videos/999999', { token });
  await expectOneRead(t, 403, 'GET', `/api/videos/${id}`, { token: ben.token });
  await expectOneRead(t, 200, 'POST', `/api/videos/${id}/publish`, { token });
  await expectOneRead(t, 400, 'DELETE', `/api/videos/${id}`, { token });
  await api.call('POST', `/api/public/videos/${id}/vote`, { token });
  await expectOneRead(t, 400, 'POST', `/api/public/videos/${id}/vote`, { token });
  await expectOneRead(t, 200, 'POST', '/api/auth/login', json({ email: ana.email, password: ana.password }));
  await expectOneRead(t, 401, 'POST', '/api/auth/login', json({ email: ana.email, password: 'not the one' }));
  await expectOneRead(t, 422, 'POST', '/api/auth/signup', json({}));
  await expectOneRead(t, 201, 'POST', '/api/videos/upload', form(rawForm([titlePart(), videoPart()])));
  await expectOneRead(t, 400, 'POST', '/api/videos/upload', form(rawForm([titlePart(), videoPart('x')])));
  await expectOneRead(t, 422, 'POST', '/api/videos/upload', form(rawForm([])));
});

t.test('answers that change something each time go out in one write', async (t) => {
  for (let round = 0; round < 3; round += 1) {
    const id = await api.videoIn('processed', ana);
    const vote = await ask('POST', `/api/public/videos/${id}/vote`, { token: ben.token });
    const removed = await ask('DELETE', `/api/videos/${id}`, { token });
    const email = `new${round}@example.com`;
    const signUp = { first_name: 'A', last_name: 'B', email, password1: 'a password 1', password2: 'a password 1' };
    const created = await ask('POST', '/api/auth/signup', json(signUp));
    t.strictSame([vote.status, removed.status, created.status], [200, 200, 201]);
    t.strictSame([vote.reads, removed.reads, created.reads], [1, 1, 1]);
  }
});

t.test('an answer that ends the connection goes out in one write', async (t) => {
  const chunked = { token, lines: ['Transfer-Encoding: chunked'], body: '1\r\nx\r\n0\r\n\r\n' };
  await expectOneRead(t, 422, 'POST', '/api/videos/upload', chunked);
  await expectOneRead(t, 401, 'POST', '/api/videos/upload', { ...chunked, token: '' });
});
