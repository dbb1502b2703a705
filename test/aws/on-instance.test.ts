import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { compiledTest } from '../../scripts/test/compiled-test.ts';
import { rawForm, titlePart, uploadHead, videoPart } from '../acceptance/forms.ts';
import { openSocket, readAnswer, sendRaw } from '../acceptance/raw-http.ts';
import { countStored, mp4 } from '../acceptance/support.ts';
import { type Answer, request } from '../support/http.ts';
import { createPlayer } from '../support/player.ts';
import { openInstances } from './support/instance.ts';
import { serveTests } from './support/serve-tests.ts';

const uploadUrl = 'http://127.0.0.1:8000/api/videos/upload';
const megabytes = 1_048_576;
const chunked = 'Transfer-Encoding: chunked';
/** Length of the clips of the older system's load tests: many parts, of which the last one is short. */
const clip = Buffer.concat([mp4(), randomBytes(66 * 1_000_000)]);
/** They start processes with other settings or stop them, read their log, or measure their CPU time. */
const withOwnProcesses = ['accounts', 'core-operation', 'log-in', 'quota', 'video-upload-slow'].map(
  (name) => `${name}.test.ts`,
);

const instances = await openInstances(t, { rateLimits: 'off' });
const { environment } = instances;
const [worker, web] = [instances.openMachine('worker'), instances.openMachine('web')];
for (const [machine, script] of [
  [worker, '/user_data_worker.sh'],
  [web, '/user_data_web.sh'],
] as const) {
  const { code, output } = await machine.run('instance', 'bash', script);
  if (code !== 0) throw new Error(`Expected ${script} to make an instance, got ${code}: ${output}`);
}
// These uploads have no picture, so a running worker would fail them.
await worker.run('anb-worker', 'systemctl', 'stop', 'anb-worker.service');
const { token } = await createPlayer('http://127.0.0.1:8000');
const type = { 'content-type': 'multipart/form-data; boundary=X-BOUNDARY' };
const whole = rawForm([titlePart(), videoPart(clip)]);

t.test('an upload of 66 MB is stored byte for byte, at full speed, several at once and without a length', async (t) => {
  const send = (body: Buffer | Readable) => request(uploadUrl, { token, body, headers: type, timeoutMs: 120_000 });
  const answers = await Promise.all([send(whole), send(whole), send(Readable.from(slices(whole)))]);
  for (const answer of answers) {
    t.equal(answer.status, 201, answer.text);
    if (answer.status === 201) await expectStored(t, answer);
  }
  await expectSameProcesses(t);
});

t.test('a refused upload gets a reason, leaves nothing, and ends no process', async (t) => {
  const refusals: Record<string, { status: number; detail: RegExp; head: string[]; token?: string; body: Buffer }> = {
    'no token': { status: 401, detail: /inválidas/, head: [lengthOf(whole)], token: '', body: whole },
    'a forged token': { status: 401, detail: /inválidas/, head: [lengthOf(whole)], token: 'a.b.c', body: whole },
    'no token, without a length': { status: 401, detail: /inválidas/, head: [chunked], token: '', body: chunk(whole) },
    'another type': refuse(400, /tipo o tamaño no valido\): video\/quicktime/, [videoPart(clip, 'video/quicktime')]),
    'bytes of no MP4': refuse(400, /tipo o tamaño no valido\): video\/mp4/, [videoPart(randomBytes(6_000_000))]),
    'an empty file': refuse(400, /está vacío/, [videoPart('')]),
    'no file': refuse(422, /video_file/, []),
    'too large by its length': {
      status: 400,
      detail: /100MB. Tamaño: 150.00MB/,
      head: [`Content-Length: ${150 * megabytes}`],
      body: whole,
    },
    'too large, found while it comes': {
      status: 400,
      detail: /100MB/,
      head: [chunked],
      body: chunk(rawForm([titlePart(), videoPart(Buffer.concat([clip, clip]))])),
    },
  };
  for (const [name, { status, detail, head, token: own = token, body }] of Object.entries(refusals)) {
    await leavesNothing(t, name, async () => {
      const answer = await sendRaw(8000, uploadHead(own)(head), { chunks: [...slices(body)], timeoutMs: 60_000 });
      t.equal(answer.status, status, `${name}: ${answer.status} ${answer.body}`);
      t.match(answer.body, detail, name);
    });
  }
});

t.test('a client that waits for the answer, or leaves before it, ends no process', async (t) => {
  for (const [name, own, head, isAnswered] of [
    ['head only, no token', '', [lengthOf(whole)], true],
    ['head only, too large', token, [`Content-Length: ${150 * megabytes}`], true],
    ['asks with 100-continue, no token', '', [lengthOf(whole), 'Expect: 100-continue'], true],
    ['leaves at once, no token', '', [lengthOf(whole)], false],
    ['leaves in the middle of the body', token, [lengthOf(whole)], false],
  ] as const) {
    await leavesNothing(t, name, async () => {
      const socket = await openSocket(8000);
      socket.on('error', () => undefined);
      const answer = readAnswer(socket).catch(() => undefined);
      socket.write(uploadHead(own)([...head]));
      if (isAnswered) t.ok([400, 401].includes((await answer)?.status ?? 0), name);
      else socket.write(whole.subarray(0, 12_000_000));
      if (!isAnswered) await sleep(200);
      socket.resetAndDestroy();
      await answer;
    });
  }
});

t.test('the acceptance tests pass on the instance', async (t) => {
  const env = { ...process.env, INSTANCE_CONTROL_URL: await serveTests(t, instances, { web, worker }) };
  const sources = readdirSync(join(rootFolder, 'test/acceptance'));
  const files = sources.filter((name) => name.endsWith('.test.ts') && !withOwnProcesses.includes(name));
  // One after another: they share the instance.
  for (const name of files) {
    const program = join(rootFolder, compiledTest(`test/acceptance/${name}`));
    await t.spawn(process.execPath, [program], { env, cwd: rootFolder, timeout: 240_000 }, name);
  }
});

function lengthOf(body: Buffer): string {
  return `Content-Length: ${body.length}`;
}

function refuse(status: number, detail: RegExp, parts: Parameters<typeof rawForm>[0]) {
  const body = rawForm([titlePart(), ...parts]);
  return { status, detail, head: [lengthOf(body)], body };
}

function chunk(body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')]);
}

function* slices(body: Buffer): Generator<Buffer> {
  for (let at = 0; at < body.length; at += megabytes) yield body.subarray(at, at + megabytes);
}

async function expectStored(t: Test, answer: Answer): Promise<void> {
  const [row] = await environment.sql<{ key: string }[]>`
    select original_url as key from videos where id = ${answer.json<{ video_id: number }>().video_id}`;
  const path = join(environment.folder, 'stored');
  await environment.objects.getToFile(row?.key ?? '', path, AbortSignal.timeout(60_000));
  const hash = createHash('sha256');
  for await (const part of createReadStream(path)) hash.update(part as Buffer);
  t.equal(hash.digest('hex'), createHash('sha256').update(clip).digest('hex'), 'byte for byte');
}

/** The replacement of systemd restarts no process, so one that ended is missing. */
async function expectSameProcesses(t: Test): Promise<void> {
  for (const [unit, pid] of Object.entries(web.pids())) t.ok(isAlive(pid), `${unit} runs`);
  t.equal((await request('http://127.0.0.1:8000/readyz')).status, 200, 'the instance is ready');
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function leavesNothing(t: Test, name: string, refusal: () => Promise<void>): Promise<void> {
  const before = JSON.stringify(await countStored(environment));
  await refusal().catch((error: Error) => t.fail(`${name}: ${error.message}`));
  let after = '';
  // Cleanup may take longer than the response.
  for (let tries = 0; tries < 100 && after !== before; tries += 1) {
    if (tries > 0) await sleep(50);
    after = JSON.stringify(await countStored(environment));
  }
  t.equal(after, before, `${name}: no row, no object, no open multipart upload`);
  await expectSameProcesses(t);
}
