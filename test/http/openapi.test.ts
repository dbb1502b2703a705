import { Ajv2020 } from 'ajv/dist/2020.js';
import t, { type Test } from 'tap';
import { normalizeEmail } from '../../src/http/schemas/email.ts';
import { sendRaw } from '../acceptance/raw-http.ts';
import { mp4, openApi, untilCachedResponsesExpire } from '../acceptance/support.ts';
import type { Answer, RequestOptions } from '../support/http.ts';
import { buildForm, buildUploadForm } from '../support/multipart.ts';

interface Operation {
  operationId: string;
  security: unknown[];
  parameters?: { name: string; in: string; required: boolean; schema: object }[];
  responses: Record<string, { content?: Record<string, { schema: object; examples?: object }>; headers: object }>;
}

interface Document {
  paths: Record<string, Record<string, Operation>>;
}

const api = await openApi(t);
const document = (await api.call('GET', '/openapi.json')).json<Document>();
const ajv = new Ajv2020({ strict: false, allErrors: true });
ajv.addSchema(document, 'document');
ajv.addFormat('email', (text: string) => normalizeEmail(text) !== undefined);
ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);

/** Checks a value against the schema at a place of the document, which may refer to others. */
function validatorOf(...place: string[]) {
  const pointer = place.map((step) => encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1'))).join('/');
  return ajv.compile({ $ref: `document#/${pointer}` });
}

const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
);
const seen = new Map<string, Set<number>>(operations.map(({ operation }) => [operation.operationId, new Set()]));

/** Calls an operation by its id, expects `status`, and compares the response with the document. */
async function check(
  t: Test,
  operationId: string,
  status: number,
  { params = {}, query = '', ...options }: RequestOptions & { params?: Record<string, unknown>; query?: string } = {},
): Promise<Answer> {
  const found = operations.find(({ operation }) => operation.operationId === operationId);
  if (found === undefined) throw new Error(`Expected the document to have ${operationId}`);
  const path = found.path.replace(/\{(\w+)\}/g, (_, name) => String(params[name]));
  const answer = await api.call(found.method, `${path}${query}`, options);
  t.equal(answer.status, status, `${found.method} ${path} answers ${status}: ${answer.text.slice(0, 120)}`);
  compareWithDocument(t, found, answer);
  return answer;
}

function compareWithDocument(t: Test, { path, method, operation }: (typeof operations)[number], answer: Answer): void {
  const { operationId } = operation;
  seen.get(operationId)?.add(answer.status);
  const response = operation.responses[String(answer.status)];
  t.ok(response, `and the document knows ${answer.status} of ${operationId}`);
  const schema = response?.content?.['application/json']?.schema;
  if (schema === undefined) {
    t.equal(answer.text, '', 'nothing is sent where the document has no schema');
    return;
  }
  t.match(answer.headers['content-type'], /^application\/json/);
  const { responses } = operation;
  const place = ['paths', path, method.toLowerCase(), 'responses', String(answer.status)];
  const validate = validatorOf(...place, 'content', 'application/json', 'schema');
  t.ok(validate(answer.json()), `fits the schema: ${ajv.errorsText(validate.errors)}`);
  const examples = responses[String(answer.status)]?.content?.['application/json']?.examples;
  if (examples !== undefined) t.ok(answer.json<{ code: string }>().code in examples, `${answer.text} is documented`);
  for (const name of Object.keys(response?.headers ?? {}).filter((each) => !optionalHeaders.includes(each))) {
    t.ok(answer.headers[name.toLowerCase()], `${operationId} ${answer.status} has ${name}`);
  }
}

/** Of lists with a next page, and of requests that are counted. */
const optionalHeaders = ['Link', 'RateLimit', 'RateLimit-Policy'];

/** The same for a request that no HTTP client sends: two lengths of one body. */
async function checkInvalidFraming(t: Test, operationId: string): Promise<void> {
  const found = operations.find(({ operation }) => operation.operationId === operationId);
  if (found === undefined) throw new Error(`Expected the document to have ${operationId}`);
  const lines = ['Host: x', 'Content-Length: 1', 'Content-Length: 1'];
  const { status, body, headers } = await sendRaw(
    api.service.port,
    `${[`${found.method} ${found.path} HTTP/1.1`, ...lines].join('\r\n')}\r\n\r\nx`,
  );
  t.equal(status, 400, operationId);
  const named = Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value]));
  const json = <T>() => JSON.parse(body) as T;
  compareWithDocument(t, found, { status, headers: named, text: body, bytes: Buffer.from(body), json });
}

const ana = await api.newPlayer();
const ben = await api.newPlayer();
const mine = { token: ana.token };
const nobody = { params: { video_id: 999_999 } };

t.test('it names the token where one is needed, and nowhere else', async (t) => {
  for (const { operation, method, path } of operations) {
    const { status } = await api.call(method, path.replace(/\{\w+\}/g, '1'));
    t.equal(status === 401, operation.security.length > 0, `${method} ${path}`);
    t.equal(
      operation.responses['401'] !== undefined,
      operation.security.length > 0 || operation.operationId === 'logIn',
    );
  }
});

t.test('every schema that checks requests compiles, with the limits of the contract', async (t) => {
  const of = (id: string) => operations.find(({ operation }) => operation.operationId === id)?.operation;
  const rankings = of('rankings')?.parameters ?? [];
  t.match(rankings.find(({ name }) => name === 'limit')?.schema, {
    type: 'integer',
    minimum: 1,
    maximum: 100,
    default: 10,
  });
  t.match(rankings.find(({ name }) => name === 'page')?.schema, { type: 'integer', minimum: 1, default: 1 });
  t.ok(
    rankings.every(({ required }) => !required),
    'none has to be given',
  );
  for (const { operation } of operations) {
    for (const { schema } of operation.parameters ?? []) t.ok(ajv.compile(schema));
  }
});

t.test('core', async (t) => {
  for (const id of ['health', 'livez', 'readyz']) await check(t, id, 200);
});

t.test('auth', async (t) => {
  const form = {
    first_name: 'A',
    last_name: 'B',
    email: 'new@example.com',
    password1: 'a password 1',
    password2: 'a password 1',
  };
  await check(t, 'signUp', 201, { json: form });
  await check(t, 'signUp', 400, { json: form });
  await check(t, 'signUp', 422, { json: {} });
  await check(t, 'signUp', 422, { body: '{' });
  await check(t, 'logIn', 200, { json: { email: form.email, password: form.password1 } });
  await check(t, 'logIn', 401, { json: { email: form.email, password: 'another one' } });
  await check(t, 'logIn', 422, { json: [] });
  await checkInvalidFraming(t, 'logIn');
});

t.test('accounts', async (t) => {
  const { token, password } = await api.newPlayer();
  const json = { current_password: password, new_password1: 'a new password', new_password2: 'a new password' };
  await check(t, 'changePassword', 401, { json });
  await check(t, 'changePassword', 422, { token, json: {} });
  await check(t, 'changePassword', 400, { token, json: { ...json, new_password2: 'another one' } });
  await check(t, 'changePassword', 401, { token, json: { ...json, current_password: 'not the one' } });
  const changed = await check(t, 'changePassword', 200, { token, json });
  const next = { token: changed.json<{ access_token: string }>().access_token };
  await check(t, 'logOutEverywhere', 401);
  await check(t, 'deleteAccount', 401, { json: { password } });
  await check(t, 'deleteAccount', 422, { ...next, json: {} });
  await check(t, 'deleteAccount', 401, { ...next, json: { password } });
  await check(t, 'deleteAccount', 204, { ...next, json: { password: 'a new password' } });
  await checkInvalidFraming(t, 'deleteAccount');
  await check(t, 'logOutEverywhere', 204, { token: (await api.newPlayer()).token });
});

t.test('uploads', async (t) => {
  await check(t, 'uploadVideo', 201, { ...mine, ...buildUploadForm(mp4()) });
  await check(t, 'uploadVideo', 400, { ...mine, ...buildUploadForm(Buffer.from('no video')) });
  await check(t, 'uploadVideo', 401, buildUploadForm(mp4()));
  await check(t, 'uploadVideo', 422, { ...mine, ...buildForm([]) });
  const { sql } = api.environment;
  await sql`insert into videos (title, user_id, status, size_bytes) values ('a', ${ben.id}, 'failed', 5368709120)`;
  await check(t, 'uploadVideo', 413, { token: ben.token, ...buildUploadForm(mp4()) });
  await sql`delete from videos where user_id = ${ben.id}`;
});

t.test('videos', async (t) => {
  const states = ['uploaded', 'processed', 'public', 'failed'] as const;
  for (const state of states) {
    const params = { video_id: await api.videoIn(state, ana) };
    await check(t, 'getVideo', 200, { ...mine, params });
    await check(t, 'getVideo', 403, { token: ben.token, params });
  }
  await check(t, 'listVideos', 200, mine);
  await check(t, 'listVideos', 200, { ...mine, query: '?limit=1' });
  await check(t, 'listVideos', 401);
  await check(t, 'listVideos', 422, { ...mine, query: '?limit=0' });
  for (const id of ['getVideo', 'deleteVideo', 'publishVideo', 'unpublishVideo']) {
    await check(t, id, 401, nobody);
    await check(t, id, 404, { ...mine, ...nobody });
    await check(t, id, 422, { ...mine, params: { video_id: 'x' } });
  }
  const [waiting, done] = [await api.videoIn('uploaded', ana), await api.videoIn('processed', ana)];
  const of = (video_id: number, token = ana.token) => ({ params: { video_id }, token });
  await check(t, 'publishVideo', 400, of(waiting));
  await check(t, 'publishVideo', 403, of(done, ben.token));
  await check(t, 'publishVideo', 200, of(done));
  await check(t, 'deleteVideo', 400, of(done));
  await check(t, 'unpublishVideo', 400, of(waiting));
  await check(t, 'unpublishVideo', 403, of(done, ben.token));
  await check(t, 'unpublishVideo', 200, of(done));
  await check(t, 'deleteVideo', 403, of(waiting, ben.token));
  await check(t, 'deleteVideo', 200, of(waiting));
});

t.test('tasks', async (t) => {
  const { task_id, video_id } = await api.upload(ana);
  await check(t, 'getTask', 200, { ...mine, params: { task_id } });
  await check(t, 'getTask', 401, { params: { task_id } });
  await check(t, 'getTask', 403, { token: ben.token, params: { task_id } });
  await check(t, 'getTask', 404, { ...mine, params: { task_id: 'x' } });
  await check(t, 'getTask', 422, { ...mine, params: { task_id: '%00' } });
  await api.fail(video_id, 'No picture');
  await check(t, 'getTask', 200, { ...mine, params: { task_id } });
});

t.test('the public part', async (t) => {
  const video_id = await api.videoIn('public', ana);
  await check(t, 'vote', 200, { token: ben.token, params: { video_id } });
  await check(t, 'vote', 400, { token: ben.token, params: { video_id } });
  await check(t, 'vote', 401, nobody);
  await check(t, 'vote', 404, { ...mine, ...nobody });
  await check(t, 'vote', 422, { ...mine, params: { video_id: '1.5' } });
  await untilCachedResponsesExpire();
  for (const id of ['rankings', 'listPublicVideos']) {
    const answer = await check(t, id, 200);
    await check(t, id, 304, { headers: { 'if-none-match': String(answer.headers['etag']) } });
    await check(t, id, 422, { query: '?limit=0' });
  }
});

t.test('every operation was called, and answered everything that can be had here', async (t) => {
  // What takes a slow client, a crowd or an outage is not made here.
  const elsewhere = ['408', '429', '500', '503'];
  for (const { operation } of operations) {
    const expected = Object.keys(operation.responses).filter((status) => !elsewhere.includes(status));
    const answered = [...(seen.get(operation.operationId) ?? [])].map(String).sort();
    t.strictSame(answered, expected.sort(), operation.operationId);
  }
});
