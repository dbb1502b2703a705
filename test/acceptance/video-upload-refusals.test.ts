import t, { type Test } from 'tap';
import {
  boundary,
  filePart,
  leavesNothing,
  type RawPart,
  rawForm,
  textPart,
  titlePart,
  uploader,
  videoPart,
} from './forms.ts';
import { expectFaults, expectRefusal, type Location, mp4, openApi } from './support.ts';

const api = await openApi(t);
const ana = await api.newPlayer();
const send = uploader(api, ana);

const refuses = (t: Test, body: Buffer | string, detail: string, contentType?: string) =>
  leavesNothing(t, api, async () =>
    expectRefusal(t, await send(body, contentType === undefined ? {} : { contentType }), 400, detail),
  );
const faults = (t: Test, body: Buffer | string, list: [string, ...Location][], contentType?: string) =>
  leavesNothing(t, api, async () =>
    expectFaults(t, await send(body, contentType === undefined ? {} : { contentType }), list),
  );

const wrong = (type: string) => `Error en el archivo (tipo o tamaño no valido): ${type}`;
const missing = (...names: string[]) => names.map((name): [string, ...string[]] => ['missing', 'body', name]);

t.test('the part’s own content type decides: it is exactly video/mp4, and the error repeats it as sent', async (t) => {
  const types = [
    'video/quicktime',
    'Video/MP4',
    'VIDEO/MP4',
    'video/mp4; x=1',
    'video/mp4;codecs=avc1',
    'video/mp4x',
    'text/plain',
  ];
  for (const type of [...types, 'application/octet-stream', 'video/*', 'x']) {
    await refuses(t, rawForm([titlePart(), videoPart(mp4(), type)]), wrong(type));
    await refuses(t, rawForm([videoPart(mp4(), type), titlePart()]), wrong(type));
  }
  await refuses(t, rawForm([titlePart(), videoPart(mp4(), null)]), wrong('None'));
});

t.test('wrong type is decided before empty, and before a missing title', async (t) => {
  await refuses(t, rawForm([titlePart(), videoPart('', 'text/plain')]), wrong('text/plain'));
  await refuses(t, rawForm([videoPart('', 'text/plain')]), wrong('text/plain'));
});

t.test('bytes that are no MP4 are a wrong type, however the part is called', async (t) => {
  const others = [
    'x',
    'not a video',
    'x'.repeat(100_000),
    mp4(11),
    '\0'.repeat(64),
    Buffer.from('RIFF....AVI LIST........'),
  ];
  const boxes = [
    Buffer.concat([Buffer.alloc(4), mp4()]),
    Buffer.from('\0\0\0\x18FTYPisom........'),
    Buffer.from('%PDF-1.7 ftyp'),
  ];
  for (const bytes of [...others, ...boxes]) {
    await refuses(t, rawForm([titlePart(), videoPart(bytes)]), wrong('video/mp4'));
    await refuses(t, rawForm([videoPart(bytes), titlePart()]), wrong('video/mp4'));
  }
});

t.test('an empty file is reported as empty', async (t) => {
  await refuses(t, rawForm([titlePart(), videoPart('')]), 'El archivo está vacío');
  await refuses(t, rawForm([videoPart(''), titlePart()]), 'El archivo está vacío');
});

t.test('missing parts are all listed, the file first', async (t) => {
  await faults(t, rawForm([]), missing('video_file', 'title'));
  await faults(t, rawForm([textPart('other', 'x')]), missing('video_file', 'title'));
  await faults(t, rawForm([titlePart()]), missing('video_file'));
  await faults(t, rawForm([videoPart()]), missing('title'));
  await faults(
    t,
    rawForm([filePart('Video_File', mp4(), 'video/mp4'), textPart('TITLE', 'x')]),
    missing('video_file', 'title'),
  );
  await faults(t, rawForm([videoPart(mp4(6_000_000))]), missing('title'));
});

t.test('an empty title is a missing one', async (t) => {
  await faults(t, rawForm([titlePart(''), videoPart()]), missing('title'));
  await faults(t, rawForm([videoPart(), titlePart('x'), titlePart('')]), missing('title'));
});

t.test('a file sent as a text field, or a title sent as a file, is 422', async (t) => {
  await faults(t, rawForm([titlePart(), textPart('video_file', 'x')]), [['value_error', 'body', 'video_file']]);
  await faults(t, rawForm([filePart('title', 'x'), videoPart()]), [['string_type', 'body', 'title']]);
  await faults(t, rawForm([filePart('title', 'x'), textPart('video_file', 'x')]), [
    ['value_error', 'body', 'video_file'],
    ['string_type', 'body', 'title'],
  ]);
  await faults(t, rawForm([videoPart(), titlePart(), textPart('video_file', 'x')]), [
    ['value_error', 'body', 'video_file'],
  ]);
  const typed: RawPart = {
    lines: ['Content-Disposition: form-data; name="video_file"', 'Content-Type: video/mp4'],
    content: mp4(),
  };
  await faults(t, rawForm([titlePart(), typed]), [['value_error', 'body', 'video_file']]);
});

t.test('a title over 255 code points, with NUL, or that is no UTF-8, is 422', async (t) => {
  for (const title of ['😀'.repeat(256), 'x'.repeat(256), 'x'.repeat(100_000), '😀'.repeat(300_000)]) {
    await faults(t, rawForm([titlePart(title), videoPart()]), [['string_too_long', 'body', 'title']]);
    await faults(t, rawForm([videoPart(), titlePart(title)]), [['string_too_long', 'body', 'title']]);
  }
  for (const bytes of [[0x61, 0], [0xff, 0xfe], [0xc3], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xc0, 0x80]]) {
    await faults(t, rawForm([titlePart(Buffer.from(bytes)), videoPart()]), [['string_unicode', 'body', 'title']]);
  }
  await faults(t, rawForm([titlePart('x'.repeat(256))]), [
    ...missing('video_file'),
    ['string_too_long', 'body', 'title'],
  ]);
});

t.test('a 422 of a form never repeats what was sent', async (t) => {
  const secret = 'sEcReT';
  const answer = await send(rawForm([titlePart(secret.repeat(100)), textPart('video_file', secret)]));
  t.equal(answer.status, 422);
  t.notMatch(answer.text, /sEcReT|input/);
});

t.test('a body that is not multipart is 422', async (t) => {
  const form = rawForm([titlePart(), videoPart()]);
  const types = [
    'application/x-www-form-urlencoded',
    'application/json',
    'text/plain',
    'multipart/mixed; boundary=x',
    'multipart/form-datax; boundary=x',
  ];
  for (const type of types) await faults(t, form, missing('video_file', 'title'), type);
  await faults(t, 'title=x&video_file=y', missing('video_file', 'title'), 'application/x-www-form-urlencoded');
  await leavesNothing(t, api, async () => {
    const answer = await api.call('POST', '/api/videos/upload', { token: ana.token });
    expectFaults(t, answer, missing('video_file', 'title'));
  });
});

t.test('form data without a usable boundary is 422, and nothing that it may hold is reported as missing', async (t) => {
  const form = rawForm([titlePart(), videoPart()]);
  for (const parameter of ['', '; boundary=', '; boundary="', '; boundary="a "', `; boundary=${'b'.repeat(251)}`]) {
    await faults(t, form, [['value_error', 'body']], `multipart/form-data${parameter}`);
  }
});

t.test('a title that its part’s charset does not decode, or whose charset is unknown, is 422', async (t) => {
  const typed = (charset: string, content: string | Uint8Array) =>
    titlePart(content, [
      'Content-Disposition: form-data; name="title"',
      `Content-Type: text/plain; charset=${charset}`,
    ]);
  for (const part of [typed('klingon', 'x'), typed('utf-7', 'x'), typed('utf-8', Buffer.of(0xe9))]) {
    await faults(t, rawForm([part, videoPart()]), [['string_unicode', 'body', 'title']]);
  }
});

t.test('a body that ends early is 400', async (t) => {
  const whole = rawForm([titlePart(), videoPart(mp4(200))]);
  const closing = whole.lastIndexOf(`--${boundary}--`);
  const cuts = [
    0,
    1,
    5,
    boundary.length + 2,
    boundary.length + 10,
    60,
    whole.indexOf('A clip') + 3,
    closing - 150,
    closing - 2,
    closing,
  ];
  for (const cut of [...cuts, closing + 4, closing + boundary.length + 2, closing + boundary.length + 3]) {
    await leavesNothing(t, api, async () => {
      const answer = await send(whole.subarray(0, cut));
      t.equal(answer.status, 400, `cut at ${cut} of ${whole.length}`);
      t.strictSame(Object.keys(answer.json<object>()), ['detail']);
    });
  }
  const large = rawForm([titlePart(), videoPart(mp4(11_000_000))]);
  for (const cut of [1_000, 5_242_880, 6_000_000, large.length - 40]) {
    await leavesNothing(t, api, async () => t.equal((await send(large.subarray(0, cut))).status, 400, `cut at ${cut}`));
  }
});

t.test('a malformed part is 400, and nothing of the parts before it is kept', async (t) => {
  const header = (line: string): RawPart => ({ lines: [line], content: 'x' });
  const bad = [
    header('Content-Disposition form-data'),
    header(`Content-Disposition: form-data; name="x"\r\nX: ${'y'.repeat(9_000)}`),
  ];
  for (const part of [...bad, header(': no name'), header('Content-Type: text/plain')]) {
    for (const parts of [
      [part, titlePart(), videoPart()],
      [titlePart(), videoPart(mp4(6_000_000)), part],
    ]) {
      await leavesNothing(t, api, async () =>
        t.equal((await send(rawForm(parts))).status, 400, String(part.lines[0]).slice(0, 40)),
      );
    }
  }
  const body = rawForm([titlePart(), videoPart()])
    .toString('latin1')
    .replace(`--${boundary}\r\n`, `--${boundary}x\r\n`);
  await leavesNothing(t, api, async () => t.equal((await send(Buffer.from(body, 'latin1'))).status, 400));
});

t.test('the upload after a hundred refused ones is served as ever', async (t) => {
  const refused = await Promise.all(Array.from({ length: 100 }, () => send(rawForm([titlePart(), videoPart('x')]))));
  t.ok(
    refused.every((answer) => answer.status === 400),
    refused.map((answer) => answer.status).join(),
  );
  t.equal((await send(rawForm([titlePart(), videoPart(mp4(6_000_000))]))).status, 201);
});
