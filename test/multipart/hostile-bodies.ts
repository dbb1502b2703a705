import fc from 'fast-check';
import { multipartHeaderMaxBytes, multipartMaxParts } from '../../src/limits.ts';

export const boundary = 'X-hostile-7f3a';

const video = 'Content-Disposition: form-data; name="video_file"; filename="a.mp4"\r\nContent-Type: video/mp4\r\n\r\n';
const title = 'Content-Disposition: form-data; name="title"\r\n\r\nA title';
const mp4 = '\0\0\0\x18ftypisom\0\0\x02\0isomiso2';
const open = `--${boundary}\r\n`;
const next = `\r\n--${boundary}\r\n`;
const close = `\r\n--${boundary}--\r\n`;

/**
 * Bodies that have broken some parser, each named by its defect. None of them holds a form that may be stored. One character
 * is one byte.
 */
export const hostileBodies: ReadonlyMap<string, string> = new Map([
  ['nothing at all', ''],
  ['a lone line end', '\r\n'],
  ['two hyphens', '--'],
  ['a closing boundary alone', `--${boundary}--`],
  ['a closing boundary behind an epilogue', `--${boundary}--\r\n${open}${title}${close}`],
  ['no closing boundary', `${open}${video}${mp4}${next}${title}`],
  ['a closing boundary with one hyphen', `${open}${video}${mp4}${next}${title}\r\n--${boundary}-`],
  ['a boundary with bare line feeds', `${open}${video}${mp4}\n--${boundary}\n${title}\n--${boundary}--\n`],
  ['line feeds alone', `--${boundary}\n${title.replaceAll('\r', '')}\n--${boundary}--\n`],
  ['bare carriage returns', `--${boundary}\r${title.replaceAll('\n', '')}\r--${boundary}--\r`],
  ['text behind a boundary', `--${boundary}trailing\r\n${title}${close}`],
  ['a boundary that only begins like ours', `--${boundary}-more\r\n${title}\r\n--${boundary}-more--`],
  ['a header without a colon', `${open}Content-Disposition form-data\r\n\r\nx${close}`],
  ['a header without a name', `${open}: form-data; name="title"\r\n\r\nx${close}`],
  ['a part without headers', `${open}\r\nx${close}`],
  ['a part without a name', `${open}Content-Disposition: form-data\r\n\r\nx${close}`],
  ['a part without a disposition', `${open}Content-Type: video/mp4\r\n\r\n${mp4}${close}`],
  ['a quote that never ends', `${open}Content-Disposition: form-data; name="title\r\n\r\nx${close}`],
  ['a quote that ends in a backslash', `${open}Content-Disposition: form-data; name="title\\"\r\n\r\nx${close}`],
  ['a thousand backslashes', `${open}Content-Disposition: form-data; name="${'\\'.repeat(999)}\r\n\r\nx${close}`],
  ['names of prototypes', `${open}Content-Disposition: form-data; name="__proto__"; constructor=x\r\n\r\nx${close}`],
  ['an empty name', `${open}Content-Disposition: form-data; name=""\r\n\r\nx${close}`],
  ['a name of NULs', `${open}Content-Disposition: form-data; name="\0\0"\r\n\r\nx${close}`],
  ['bytes that are no UTF-8', `${open}Content-Disposition: form-data; name="\xff\xfe\xc0\x80"\r\n\r\nx${close}`],
  ['headers that never end', `${open}${'A: b\r\n'.repeat(multipartHeaderMaxBytes)}`],
  ['a header without an end', `${open}A: ${'b'.repeat(2 * multipartHeaderMaxBytes)}`],
  ['semicolons without an end', `${open}Content-Disposition: ${';'.repeat(8_000)}\r\n\r\nx${close}`],
  ['spaces without an end', `${open}Content-Disposition: form-data;${' '.repeat(8_000)}\r\n\r\nx${close}`],
  ['equal signs without an end', `${open}Content-Disposition: form-data; a${'='.repeat(8_000)}\r\n\r\nx${close}`],
  ['folds without an end', `${open}Content-Disposition: form-data${'\r\n\t'.repeat(2_500)}\r\n\r\nx${close}`],
  ['more parts than allowed', `${open}${title}${`${next}${title}`.repeat(multipartMaxParts)}${close}`],
  ['empty parts', `--${boundary}\r\n`.repeat(500)],
  ['carriage returns alone', '\r'.repeat(70_000)],
  ['a video of carriage returns', `${open}${video}${'\r'.repeat(70_000)}${close}`],
  ['a video of line ends and hyphens', `${open}${video}${'\r\n--'.repeat(20_000)}${close}`],
  ['a video of near boundaries', `${open}${video}${`\r\n--${boundary.slice(0, -1)}`.repeat(4_000)}${close}`],
  ['a video that is text', `${open}${video}not a video at all${next}${title}${close}`],
  ['an empty video', `${open}${video}${next}${title}${close}`],
  ['a video whose end is missing', `${open}${title}${next}${video}${mp4}`],
  [
    'a video as a text field',
    `${open}Content-Disposition: form-data; name="video_file"\r\n\r\n${mp4}${next}${title}${close}`,
  ],
  [
    'a title as a file',
    `${open}Content-Disposition: form-data; name="title"; filename="t"\r\n\r\nx${next}${video}${mp4}${close}`,
  ],
  ['a title that is not there', `${open}${video}${mp4}${close}`],
  ['an empty title', `${open}Content-Disposition: form-data; name="title"\r\n\r\n${next}${video}${mp4}${close}`],
  ['a title with a NUL', `${open}${title}\0${next}${video}${mp4}${close}`],
  ['a title that is no UTF-8', `${open}${title}\xff${next}${video}${mp4}${close}`],
  ['a title without an end', `${open}${title}${'x'.repeat(100_000)}${next}${video}${mp4}${close}`],
  ['a video of another type', `${open}${title}${next}${video.replace('video/mp4', 'text/html')}${mp4}${close}`],
  ['a video twice, the last one empty', `${open}${title}${next}${video}${mp4}${next}${video}${close}`],
  [
    'a nested multipart',
    `${open}Content-Type: multipart/mixed; boundary=${boundary}\r\n\r\n${open}${title}${close}${close}`,
  ],
]);

/** Pieces of boundaries, headers and data, complete and broken. */
const piece = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(open, next, close, video, title, mp4, '\r\n', '\r\n\r\n') },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      '\r',
      '\n',
      '-',
      '--',
      `--${boundary}`,
      `\r\n--${boundary}`,
      ' ',
      '\t',
      ':',
      ';',
      '"',
      '\\',
    ),
  },
  { weight: 2, arbitrary: fc.nat(boundary.length + 4).map((length) => `\r\n--${boundary}`.slice(0, length)) },
  {
    weight: 2,
    arbitrary: fc.constantFrom('Content-Disposition: form-data', '; name="title"', '; filename*=x', 'Content-Type:'),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 24 }).map((bytes) => Buffer.from(bytes).toString('latin1')) },
  {
    weight: 1,
    arbitrary: fc
      .record({ text: fc.constantFrom('\r', '\r\n', 'a', '\0', `\r\n--${boundary.slice(0, 5)}`), times: fc.nat(3_000) })
      .map(({ text, times }) => text.repeat(times)),
  },
);

/** A well-formed body with something removed, inserted or changed. */
const damaged = fc
  .record({
    whole: fc.constantFrom(
      `${open}${title}${next}${video}${mp4}${close}`,
      `${open}${video}${mp4}${next}${title}${close}`,
    ),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    removed: fc.nat(20),
    inserted: piece,
  })
  .map(({ whole, at, removed, inserted }) => {
    const place = Math.floor(at * whole.length);
    return whole.slice(0, place) + inserted + whole.slice(place + removed);
  });

/** A random body as a malicious client might send; some are well-formed. */
export const anyBody = fc
  .oneof(
    fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join('')),
    damaged,
  )
  .map((text) => Buffer.from(text, 'latin1'));
