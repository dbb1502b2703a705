import t from 'tap';
import { request } from '../support/http.ts';
import { openSocket, readAnswer, sendRaw } from './raw-http.ts';
import { expectFaults, expectRefusal, expectUnauthorized, openApi } from './support.ts';

const api = await openApi(t);
const { call, service } = api;
const ana = await api.newPlayer();
const ben = await api.newPlayer();

const routes: [path: string, methods: string][] = [
  ['/', 'GET, HEAD'],
  ['/livez', 'GET, HEAD'],
  ['/readyz', 'GET, HEAD'],
  ['/openapi.json', 'GET, HEAD'],
  ['/docs', 'GET, HEAD'],
  ['/api/auth/signup', 'POST'],
  ['/api/auth/login', 'POST'],
  ['/api/videos/upload', 'POST'],
  ['/api/videos', 'GET, HEAD'],
  ['/api/videos/1', 'GET, HEAD, DELETE'],
  ['/api/videos/1/publish', 'POST'],
  ['/api/public/videos', 'GET, HEAD'],
  ['/api/public/videos/1/vote', 'POST'],
  ['/api/public/rankings', 'GET, HEAD'],
  ['/api/tasks/1', 'GET, HEAD'],
];

t.test('GET / answers "Healthcheck", a JSON string', async (t) => {
  const answer = await call('GET', '/');
  t.equal(answer.status, 200);
  t.equal(answer.text, '"Healthcheck"');
  t.match(answer.headers['content-type'], /^application\/json/);
});

t.test('a kept connection says how long it may be idle, and a closing one does not', async (t) => {
  t.equal((await call('GET', '/')).headers['keep-alive'], 'timeout=7');
  t.equal((await call('GET', '/api/videos')).headers['keep-alive'], 'timeout=7');
  const closing = await sendRaw(
    service.port,
    'POST /api/auth/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n',
  );
  t.equal(closing.header('keep-alive'), undefined);
});

t.test('every response carries an X-Request-Id of its own', async (t) => {
  const answers = await Promise.all([
    ...routes.map(([path]) => call('GET', path)),
    ...routes.map(([path]) => call('PATCH', path)),
    call('GET', '/nowhere'),
    call('POST', '/api/auth/login', { body: '{' }),
    call('POST', '/api/videos/upload', { body: 'x', token: ana.token }),
  ]);
  const ids = answers.map((answer) => answer.headers['x-request-id']);
  t.ok(ids.every((id) => typeof id === 'string' && id.length >= 16));
  t.equal(new Set(ids).size, answers.length, 'no two are the same');
});

t.test('a trailing slash is the same route, without a redirect', async (t) => {
  for (const [path, methods] of routes.filter(([path]) => path !== '/')) {
    const method = methods.includes('GET') ? 'GET' : 'POST';
    const [plain, slashed] = [await call(method, path), await call(method, `${path}/`)];
    t.equal(slashed.status, plain.status, `${method} ${path}/`);
    if (path !== '/readyz') t.equal(slashed.text, plain.text, 'the same body');
  }
  const refused = await call('POST', '/api/auth/login/?a=1', { json: { email: ana.email, password: ana.password } });
  t.equal(refused.status, 200, 'also with a body and a query');
});

t.test('an unknown route is 404', async (t) => {
  const paths = [
    '/nowhere',
    '/api',
    '/api/',
    '/api/videos/1/2/3',
    '/api/Videos',
    '/api/public',
    '/metrics',
    '/api/auth/signup/x',
  ];
  for (const path of paths) {
    for (const method of ['GET', 'POST', 'DELETE', 'PUT']) expectRefusal(t, await call(method, path), 404, 'Not Found');
  }
});

t.test('a known route with a wrong method is 405 with Allow naming every method, before authentication', async (t) => {
  for (const [path, methods] of routes) {
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      if (methods.includes(method)) continue;
      for (const each of [path, ...(path === '/' ? [] : [`${path}/`])]) {
        const answer = await call(method, each);
        expectRefusal(t, answer, 405, 'Method Not Allowed');
        t.strictSame(answer.headers['allow']?.split(', ').sort(), methods.split(', ').sort(), `${method} ${each}`);
      }
    }
  }
});

t.test('405 comes before every fault of the input', async (t) => {
  expectRefusal(t, await call('PUT', '/api/videos/abc'), 405, 'Method Not Allowed');
  expectRefusal(t, await call('DELETE', '/api/public/rankings?page=0'), 405, 'Method Not Allowed');
  expectRefusal(t, await call('PUT', '/api/auth/signup', { body: '{' }), 405, 'Method Not Allowed');
});

t.test('HEAD answers as GET does, without a body', async (t) => {
  const head = (path: string, headers = '') =>
    sendRaw(service.port, `HEAD ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`, {
      isHead: true,
    });
  for (const path of ['/', '/livez', '/openapi.json', '/docs', '/api/public/videos', '/api/public/rankings']) {
    const [answer, got] = [await head(path), await call('GET', path)];
    t.equal(answer.status, 200, path);
    t.equal(answer.header('content-length'), got.headers['content-length'], 'the length of what GET would send');
    t.equal(answer.header('content-type'), got.headers['content-type']);
    t.match(answer.header('x-request-id'), /./);
  }
  t.equal((await head('/api/videos', `Authorization: Bearer ${ana.token}\r\n`)).status, 200);
  t.equal((await head('/api/videos')).status, 401);
  t.equal((await head('/nowhere')).status, 404);
  t.equal((await head('/api/auth/login')).status, 405);
});

t.test('after an answer to HEAD the next one on the connection is whole', async (t) => {
  for (const path of ['/', '/api/public/rankings', '/nowhere', '/api/auth/login', '/api/videos/1']) {
    const socket = await openSocket(service.port);
    const first = readAnswer(socket, { isHead: true });
    socket.write(`HEAD ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    t.not(Number((await first).header('content-length')), 0, `${path} has a length`);
    const second = readAnswer(socket);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    t.equal((await second).body, '"Healthcheck"', 'nothing stands between the two');
    socket.destroy();
  }
});

t.test('HTTP/1.0 is refused', async (t) => {
  const answer = await sendRaw(service.port, 'GET / HTTP/1.0\r\nHost: x\r\n\r\n', { waitsForClose: true });
  t.equal(answer.status, 505);
  t.ok(answer.closed);
});

t.test('401 comes before 422', async (t) => {
  expectUnauthorized(t, await call('GET', '/api/videos/abc'));
  expectUnauthorized(t, await call('DELETE', '/api/videos/abc'));
  expectUnauthorized(t, await call('POST', '/api/public/videos/abc/vote'));
  expectUnauthorized(t, await call('GET', '/api/videos?limit=0'));
  expectUnauthorized(t, await call('POST', '/api/videos/upload', { body: 'not multipart' }));
  expectUnauthorized(t, await call('POST', '/api/videos/abc/publish'));
  expectUnauthorized(t, await call('GET', '/api/tasks/abc'));
});

t.test('404 comes before 403, and 403 before 400', async (t) => {
  const uploaded = await api.videoIn('uploaded', ana);
  const open = await api.videoIn('public', ana);
  const path = (id: number) => `/api/videos/${id}`;
  expectRefusal(t, await call('DELETE', path(open + 1_000), { token: ben.token }), 404, 'Video not found');
  expectRefusal(t, await call('DELETE', path(open), { token: ben.token }), 403, 'You are not authorized');
  expectRefusal(t, await call('DELETE', path(open), { token: ana.token }), 400, 'Video is public');
  const publish = (id: number, token: string) => call('POST', `${path(id)}/publish`, { token });
  expectRefusal(t, await publish(open + 1_000, ben.token), 404, 'Video not found');
  expectRefusal(t, await publish(uploaded, ben.token), 403, 'You are not authorized');
  expectRefusal(t, await publish(uploaded, ana.token), 400, 'Video is not processed');
});

const ofVideo: [method: string, before: string, after: string][] = [
  ['GET', '/api/videos/', ''],
  ['DELETE', '/api/videos/', ''],
  ['POST', '/api/videos/', '/publish'],
  ['POST', '/api/public/videos/', '/vote'],
];

t.test('an id that is not decimal digits is 422 with loc path, video_id', async (t) => {
  const ids = [
    'abc',
    '1.5',
    '-1',
    '+1',
    '1e3',
    '0x1',
    '1_0',
    '%20',
    '1%20',
    '%D9%A1',
    'null',
    '%00',
    '%',
    '%zz',
    '1,2',
    '１'.normalize(),
  ];
  for (const [method, before, after] of ofVideo) {
    for (const id of ids) {
      const answer = await call(method, `${before}${encodeURI(id).replaceAll('%25', '%')}${after}`, {
        token: ana.token,
      });
      expectFaults(t, answer, [['int_parsing', 'path', 'video_id']]);
    }
  }
});

t.test('a number that cannot be an id is 404', async (t) => {
  const ids = [
    '0',
    '2147483648',
    '9007199254740993',
    '9223372036854775807',
    '9223372036854775808',
    '99999999999999999999',
    '9'.repeat(400),
  ];
  for (const [method, before, after] of ofVideo) {
    for (const id of ids) {
      expectRefusal(t, await call(method, `${before}${id}${after}`, { token: ana.token }), 404, 'Video not found');
    }
  }
});

t.test('leading zeros and percent-encoded digits are the same id', async (t) => {
  const id = await api.videoIn('uploaded', ana);
  const encoded = [...String(id)].map((digit) => `%3${digit}`).join('');
  for (const each of [`000${id}`, `${'0'.repeat(40)}${id}`, encoded]) {
    const answer = await call('GET', `/api/videos/${each}`, { token: ana.token });
    t.equal(answer.status, 200, each);
    t.equal(answer.json<{ video_id: number }>().video_id, id);
  }
});

t.test('/livez and /readyz answer 200', async (t) => {
  t.equal((await call('GET', '/livez')).status, 200);
  t.equal((await call('GET', '/readyz')).status, 200);
});

t.test('/metrics is Prometheus text on the private port, and not on the public one', async (t) => {
  await call('PROPFIND', '/livez');
  const answer = await request(service.metricsUrls.web[0] as string);
  t.equal(answer.status, 200);
  t.match(answer.headers['content-type'], /^text\/plain/);
  t.match(answer.text, /^# HELP http_request_duration_seconds/m);
  t.match(
    answer.text,
    /http_request_duration_seconds_count\{route="\/api\/videos\/\{video_id\}",method="GET",status="200"\}/,
  );
  t.notMatch(answer.text, 'PROPFIND', 'labels carry nothing that a client made up');
  t.notMatch(answer.text, new RegExp(`${ana.email}|/api/videos/\\d`), 'labels carry no ids or addresses');
  expectRefusal(t, await call('GET', '/metrics'), 404, 'Not Found');
});
