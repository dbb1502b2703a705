import t from 'tap';
import { expectFaults, openApi } from './support.ts';

const api = await openApi(t);
const { call } = api;
const ana = await api.newPlayer();
const good = JSON.stringify({ email: ana.email, password: ana.password });

function send(body: string | Buffer, contentType: string | undefined = 'application/json') {
  const headers: Record<string, string> = contentType === undefined ? {} : { 'content-type': contentType };
  return call('POST', '/api/auth/login', { body, headers });
}

t.test('any JSON content type is taken, and none at all', async (t) => {
  const types = [
    'application/json',
    'Application/JSON',
    'application/json; charset=utf-8',
    'application/json;charset=utf-8',
  ];
  const more = [
    'application/vnd.api+json',
    'application/problem+json; x=y',
    'application/json ;a=b',
    'application/x+JSON',
  ];
  for (const type of [...types, ...more]) t.equal((await send(good, type)).status, 200, type);
  t.equal((await call('POST', '/api/auth/login', { body: good })).status, 200, 'none');
});

t.test('a body of another type is 422 with loc body', async (t) => {
  const types = [
    'text/plain',
    'text/json',
    'application/x-www-form-urlencoded',
    'application/jsonx',
    'application/xml',
    'x',
  ];
  for (const type of [...types, 'multipart/form-data; boundary=x', 'application/json+xml']) {
    expectFaults(t, await send(good, type), [['model_attributes_type', 'body']]);
  }
});

t.test('JSON that is no object is 422 with loc body', async (t) => {
  for (const body of ['null', '[]', `[${good}]`, '"text"', '1', 'true', '1.5e3', JSON.stringify(good)]) {
    expectFaults(t, await send(body), [['model_attributes_type', 'body']]);
  }
});

t.test('an empty body is a missing one', async (t) => {
  expectFaults(t, await send(''), [['missing', 'body']]);
  expectFaults(t, await call('POST', '/api/auth/login'), [['missing', 'body']]);
});

t.test('broken JSON is reported with its position, in code points', async (t) => {
  const broken: [body: string, offset: number][] = [
    ['nope', 0],
    ['tru', 0],
    ['-', 0],
    ['   ', 3],
    ['{', 1],
    ['[', 1],
    ['{"a":', 5],
    ['{"a": nope}', 6],
    ['{"a" 1}', 5],
    ['{"a":1 "b":2}', 7],
    ['{"a":1,}', 7],
    ['{"a":1,,}', 7],
    ['{,}', 1],
    ['{a:1}', 1],
    ["{'a':1}", 1],
    ['[1,]', 3],
    ['[1 2]', 3],
    ['{"a":1} x', 8],
    ['{"a":1}}', 7],
    ['{"a": "b', 6],
    ['"x', 0],
    ['{"a":"b\tc"}', 7],
    ['{"a":"b\nc"}', 7],
    ['"a\\', 0],
    ['{"a":"\\q"}', 6],
    ['{"a":"\\u12"}', 7],
    ['{"a":01}', 6],
    ['{"a":1.}', 6],
    ['{"a":1/*x*/}', 6],
    ['//x', 0],
    ['{"é": nope}', 6],
    ['{"😀": nope}', 6],
    ['{"a":"😀😀\t"}', 8],
  ];
  for (const [body, offset] of broken) {
    t.comment(body);
    expectFaults(t, await send(body), [['json_invalid', 'body', offset]]);
  }
});

t.test('bytes that are no UTF-8 are 422 with loc beginning with body', async (t) => {
  for (const bytes of [
    [0xff, 0xfe, 0xfd],
    [0x7b, 0x22, 0xc3, 0x28, 0x22, 0x7d],
    [0x22, 0xed, 0xa0, 0x80, 0x22],
  ]) {
    const answer = await send(Buffer.from(bytes));
    t.equal(answer.status, 422);
    t.equal(answer.json<{ detail: { loc: string[] }[] }>().detail[0]?.loc[0], 'body');
  }
});

t.test('a UTF-8 byte order mark before the JSON does no harm', async (t) => {
  t.equal((await send(`\ufeff${good}`)).status, 200);
});

t.test('of a field sent twice the last counts', async (t) => {
  t.equal((await send(good.replace('{', '{"password":"not the one",'))).status, 200);
  t.equal((await send(good.replace('}', ',"password":"not the one"}'))).status, 401);
});

t.test('deep nesting and huge numbers in unknown fields are no 5xx', async (t) => {
  t.equal((await send(good.replace('}', `,"deep":${'['.repeat(5_000)}${']'.repeat(5_000)}}`))).status, 200);
  t.equal((await send(good.replace('}', ',"big":1e400,"long":123456789012345678901234567890}'))).status, 200);
  t.equal((await send('['.repeat(60_000))).status, 422);
});

t.test('a body of over 64 KiB is 422, whenever that is found out', async (t) => {
  for (const bytes of [64 * 1024, 512 * 1024, 1024 * 1024]) {
    expectFaults(t, await send(JSON.stringify({ email: 'x'.repeat(bytes) })), [['too_long', 'body']]);
  }
});

t.test('a chunked body is read like any other', async (t) => {
  const { Readable } = await import('node:stream');
  const chunked = Readable.from([good.slice(0, 7), good.slice(7)]);
  const answer = await call('POST', '/api/auth/login', {
    body: chunked,
    headers: { 'content-type': 'application/json' },
  });
  t.equal(answer.status, 200);
});

t.test('vote, publish and delete ignore a body', async (t) => {
  const id = await api.videoIn('processed', ana);
  const [{ token }, junk] = [
    await api.newPlayer(),
    { body: '{"broken', headers: { 'content-type': 'application/json' } },
  ];
  t.equal((await call('POST', `/api/public/videos/${id}/vote`, { token, ...junk })).status, 200);
  t.equal(
    (await call('POST', `/api/videos/${id}/publish`, { token: ana.token, ...junk, body: 'x'.repeat(200_000) })).status,
    200,
  );
  const other = await api.videoIn('uploaded', ana);
  t.equal((await call('DELETE', `/api/videos/${other}`, { token: ana.token, ...junk })).status, 200);
});

t.test('a 422 never repeats what was sent', async (t) => {
  const secret = 'sEcReT-0123456789';
  const answers = [
    await call('POST', '/api/auth/signup', {
      json: { first_name: { [secret]: secret }, email: secret, password1: [secret], city: secret.repeat(20) },
    }),
    await send(JSON.stringify({ email: secret, password: secret.slice(0, 3) })),
    await call('POST', '/api/auth/login', {
      body: `{"email": ${secret}`,
      headers: { 'content-type': 'application/json' },
    }),
    await call('POST', '/api/auth/login', { body: secret, headers: { 'content-type': 'text/plain' } }),
    await call('GET', `/api/videos/${secret}`, { token: ana.token }),
    await call('GET', `/api/public/rankings?page=${secret}&limit=${secret}`),
    await call('GET', `/api/videos?cursor=${secret}`, { token: ana.token }),
  ];
  for (const answer of answers) {
    t.equal(answer.status, 422);
    t.notMatch(answer.text, /sEc|input/, 'the body has nothing of it');
    t.notMatch(JSON.stringify(answer.headers), /sEc/, 'nor have the headers');
  }
});
