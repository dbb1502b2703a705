import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { boundary, filePart, type RawPart, rawForm, textPart, titlePart, uploader, videoPart } from './forms.ts';
import { countStored, expectUnauthorized, mp4, openApi, type Uploaded } from './support.ts';

const api = await openApi(t);
const { call, environment } = api;
const ana = await api.newPlayer();
const send = uploader(api, ana);
const good = [titlePart(), videoPart()];

async function expectAccepted(t: Test, body: Buffer, title = 'A clip', contentType?: string): Promise<void> {
  const answer = await send(body, contentType === undefined ? {} : { contentType });
  t.equal(answer.status, 201, answer.text);
  if (answer.status !== 201) return;
  const { video_id: id } = answer.json<Uploaded>();
  const detail = (await call('GET', `/api/videos/${id}`, { token: ana.token })).json<Record<string, string>>();
  t.match(detail, { title, status: 'uploaded', original_url: /^uploads\/[0-9a-f-]{36}\.mp4$/ });
}

/** Returns the bytes of the newest upload in the bucket. */
async function stored(): Promise<Buffer> {
  const [row] = await environment.sql<
    { key: string }[]
  >`select original_url as key from videos order by id desc limit 1`;
  const path = join(environment.folder, 'stored');
  await environment.objects.getToFile(row?.key ?? '', path, AbortSignal.timeout(60_000));
  return readFile(path);
}

t.test('an upload answers 201 with the message, a task and the video', async (t) => {
  const answer = await send(rawForm(good));
  t.equal(answer.status, 201);
  const { task_id, video_id, ...rest } = answer.json<Uploaded>();
  t.strictSame(rest, { message: 'Video subido exitosamente. Tarea creada.' });
  t.match(task_id, /^[0-9a-f-]{36}$/);
  t.ok(Number.isSafeInteger(video_id));
  const task = (await call('GET', `/api/tasks/${task_id}`, { token: ana.token })).json<{ video_id: number }>();
  t.equal(task.video_id, video_id);
});

t.test('the bytes are kept as they were sent', async (t) => {
  const nasty = Buffer.concat([mp4(40), Buffer.from(`\r\n--${boundary.slice(0, -1)}\r\n--\r\n\r\r\n--X\0`), mp4(33)]);
  for (const video of [mp4(12), mp4(1_000_003), nasty, Buffer.concat([mp4(), Buffer.from('\r\n')])]) {
    await expectAccepted(t, rawForm([videoPart(video), titlePart()]));
    t.ok((await stored()).equals(video), `${video.length} bytes`);
  }
});

t.test('the parts come in either order', async (t) => {
  await expectAccepted(t, rawForm([titlePart(), videoPart()]));
  await expectAccepted(t, rawForm([videoPart(), titlePart()]));
});

t.test('the title comes back as it was sent, up to 255 code points', async (t) => {
  const titles = [
    'x',
    ' ',
    '  spaced\t',
    'line\r\nline',
    'é e\u0301 ñ',
    '😀'.repeat(255),
    'x'.repeat(255),
    '\ufeffBOM',
    `--${boundary}`,
  ];
  for (const title of titles) await expectAccepted(t, rawForm([titlePart(title), videoPart()]), title);
});

t.test('the boundary may be quoted, of 70 characters, of every character allowed, and named in any case', async (t) => {
  const type = (value: string) => `multipart/form-data; boundary=${value}`;
  const long = 'b'.repeat(70);
  const odd = "Aa0'()+_,-./:=? x";
  await expectAccepted(t, rawForm(good), 'A clip', type(`"${boundary}"`));
  await expectAccepted(t, rawForm(good, { boundary: long }), 'A clip', type(long));
  await expectAccepted(t, rawForm(good, { boundary: long }), 'A clip', type(`"${long}"`));
  await expectAccepted(t, rawForm(good, { boundary: odd }), 'A clip', type(`"${odd}"`));
  await expectAccepted(t, rawForm(good, { boundary: 'a' }), 'A clip', type('a'));
  const others = [`Multipart/Form-Data; Boundary=${boundary}`, `multipart/form-data;boundary=${boundary}`];
  const more = [
    `multipart/form-data ; charset=utf-8 ; boundary=${boundary} ; x=y`,
    `multipart/form-data; boundary=${boundary};`,
  ];
  for (const each of [...others, ...more]) await expectAccepted(t, rawForm(good), 'A clip', each);
});

t.test('the boundary may be any printable text, as phones and home-made clients write it', async (t) => {
  for (const odd of [
    '*****',
    '{3F2504E0-4F89}',
    '~~~',
    '###',
    'a&b',
    'x'.repeat(71),
    '-',
    '----',
    'x--',
    'x'.repeat(250),
  ]) {
    await expectAccepted(t, rawForm(good, { boundary: odd }), 'A clip', `multipart/form-data; boundary=${odd}`);
  }
  const quoted = 'a;b "c'.replace('"', "'");
  await expectAccepted(t, rawForm(good, { boundary: quoted }), 'A clip', `multipart/form-data; boundary="${quoted}"`);
});

t.test('the file name means nothing, wherever it stands and whatever it holds', async (t) => {
  const dispositions = [
    'name="video_file"; filename="my "best" throw.mp4"',
    'filename="my "best" throw.mp4"; name="video_file"',
    'filename=my throw.mp4; name="video_file"',
    'filename=a;b.mp4; name=video_file',
    'filename = "a.mp4" ; name = "video_file"',
    'filename="C:\\clips\\v.mp4"; name="video_file"',
    'filename="name=\'title\'; x.mp4"; name="video_file"',
    "filename*=UTF-8''tir%C3%B3.mp4; name=video_file",
  ];
  for (const disposition of dispositions) {
    const lines = [`Content-Disposition: form-data; ${disposition}`, 'Content-Type: video/mp4'];
    await expectAccepted(t, rawForm([{ lines, content: mp4() }, titlePart()]));
  }
});

t.test('a title is decoded by the charset that its part declares', async (t) => {
  const typed = (charset: string, bytes: Uint8Array) =>
    titlePart(bytes, ['Content-Disposition: form-data; name="title"', `Content-Type: text/plain; charset=${charset}`]);
  const latin = Buffer.from('Título ñandú', 'latin1');
  await expectAccepted(t, rawForm([typed('ISO-8859-1', latin), videoPart()]), 'Título ñandú');
  await expectAccepted(t, rawForm([videoPart(), typed('"windows-1252"', latin)]), 'Título ñandú');
  await expectAccepted(t, rawForm([typed('UTF-16LE', Buffer.from('Tiro 😀', 'utf16le')), videoPart()]), 'Tiro 😀');
  await expectAccepted(t, rawForm([typed('shift_jis', Buffer.of(0x83, 0x65)), videoPart()]), 'テ');
});

t.test('preamble and epilogue are dropped, and the last line end may be missing', async (t) => {
  await expectAccepted(t, rawForm(good, { preamble: 'This is a message.\r\n' }));
  await expectAccepted(t, rawForm(good, { preamble: '\r\n' }));
  await expectAccepted(t, rawForm(good, { preamble: `${'x'.repeat(20_000)}\r\n` }));
  await expectAccepted(t, rawForm(good, { epilogue: 'the end' }));
  await expectAccepted(t, rawForm(good, { epilogue: `--${boundary}\r\n${'x'.repeat(20_000)}` }));
  await expectAccepted(t, rawForm(good, { lastLineEnd: '' }));
});

t.test('part headers come in any order and case, with others between them', async (t) => {
  const video = (...lines: string[]): RawPart => ({ lines, content: mp4() });
  const shapes = [
    video('Content-Type: video/mp4', 'Content-Disposition: form-data; name="video_file"; filename="a"'),
    video('content-disposition: form-data; name="video_file"; filename="a"', 'content-type: video/mp4'),
    video('CONTENT-TYPE:video/mp4', 'CONTENT-DISPOSITION:form-data;name="video_file";filename="a"'),
    video(
      'X-A: 1',
      'Content-Disposition: form-data; filename="a"; name="video_file"',
      'X-B: 2',
      'Content-Type:  video/mp4 ',
    ),
    video('Content-Disposition: form-data; name=video_file; filename=a.mp4', 'Content-Type: video/mp4'),
    video('Content-Disposition: Form-Data; NAME="video_file"; FILENAME="a"', 'Content-Type: video/mp4'),
    video(
      'Content-Length: 3',
      'Content-Disposition: form-data; name="video_file"; filename="a"',
      'Content-Type: video/mp4',
    ),
  ];
  for (const shape of shapes) await expectAccepted(t, rawForm([shape, titlePart()]));
  const typed = titlePart('Título', [
    'Content-Type: text/plain; charset=utf-8',
    'Content-Disposition: form-data; name="title"',
  ]);
  await expectAccepted(t, rawForm([typed, videoPart()]), 'Título');
});

t.test('the file name means nothing', async (t) => {
  const names = [
    '',
    'a.exe',
    '../../etc/passwd',
    'C:\\\\videos\\\\a.mp4',
    'a\\"b.mp4',
    'ñ😀.mp4',
    'x'.repeat(500),
    'a;b=c.mp4',
  ];
  for (const name of names) await expectAccepted(t, rawForm([videoPart(mp4(), 'video/mp4', name), titlePart()]));
  const star = 'Content-Disposition: form-data; name="video_file"; filename*=UTF-8\'\'%C3%B1.mp4';
  const both = `${star}; filename="n.mp4"`;
  for (const line of [star, both]) {
    await expectAccepted(t, rawForm([{ lines: [line, 'Content-Type: video/mp4'], content: mp4() }, titlePart()]));
  }
});

t.test('other parts are ignored, before, between and after', async (t) => {
  const others = [
    textPart('description', 'x'),
    textPart('Title', 'y'),
    filePart('video', 'not a video'),
    filePart('x', ''),
  ];
  await expectAccepted(t, rawForm([...others, titlePart(), ...others, videoPart(), ...others]));
  await expectAccepted(t, rawForm([filePart('big', 'y'.repeat(3_000_000), 'video/mp4'), ...good]));
  await expectAccepted(t, rawForm([...good, filePart('big', 'y'.repeat(3_000_000))]));
  await expectAccepted(t, rawForm([...Array.from({ length: 100 }, (_, i) => textPart(`field${i}`, '')), ...good]));
});

t.test('of a part sent twice the last counts, and nothing is left of the first', async (t) => {
  await expectAccepted(t, rawForm([titlePart('First'), videoPart(), titlePart('Second')]), 'Second');
  await expectAccepted(t, rawForm([titlePart(''), videoPart(), titlePart('Second')]), 'Second');
  await expectAccepted(t, rawForm([titlePart('x'.repeat(9_000)), titlePart('Second'), videoPart()]), 'Second');
  await expectAccepted(t, rawForm([filePart('title', 'a file'), titlePart('Second'), videoPart()]), 'Second');
  await expectAccepted(t, rawForm([textPart('video_file', 'text'), titlePart(), videoPart()]));
  for (const [first, last] of [
    [50, 60],
    [6_000_000, 70],
    [12_000_000, 6_000_001],
    [5_242_880, 5_242_881],
  ] as const) {
    const before = await countStored(environment);
    await expectAccepted(t, rawForm([videoPart(mp4(first)), titlePart(), videoPart(mp4(last))]));
    t.equal((await stored()).length, last);
    t.strictSame(await countStored(environment), { ...before, videos: before.videos + 1, objects: before.objects + 1 });
  }
});

t.test('two uploads in the same instant never share a key', async (t) => {
  const count = 12;
  const answers = await Promise.all(
    Array.from({ length: count }, (_, i) => send(rawForm([titlePart(`${i}`), videoPart(mp4(100 + i))]))),
  );
  const ids = answers.map((answer) => answer.json<Uploaded>().video_id);
  const rows = await environment.sql<{ original_url: string; title: string }[]>`
    select original_url, title, size_bytes from videos where id = any(${ids}::bigint[])`;
  t.equal(new Set(rows.map((row) => row.original_url)).size, count);
  const tasks = answers.map((answer) => answer.json<Uploaded>().task_id);
  t.equal(new Set(tasks).size, count, 'nor a task');
  t.ok(
    rows.every((row) => row['size_bytes' as 'title'] === ((100 + Number(row.title)) as unknown)),
    'each its own bytes',
  );
});

t.test('an upload without a good token is 401, whatever else is wrong with it', async (t) => {
  expectUnauthorized(t, await send(rawForm(good), { token: 'nonsense' }));
  expectUnauthorized(t, await call('POST', '/api/videos/upload', { body: 'x' }));
  expectUnauthorized(t, await send(rawForm([videoPart('x', 'text/plain')]), { token: 'nonsense' }));
});
