import t from 'tap';
import {
  explainShortage,
  findShortage,
  type Shortage,
  shortageByCode,
  shortageRows,
} from '../../worker/tool-shortage.ts';

/** One for each row of the table, in its order, as FFmpeg 5.1 or 7.1 and the programs around it say it. */
const words: readonly [text: string, shortage: Shortage][] = [
  ['av_interleaved_write_frame(): No space left on device', 'disk'],
  ['Error writing trailer of rendition.mp4: Disk quota exceeded', 'disk'],
  ['bwrap: Creating new namespace failed: Resource temporarily unavailable', 'processes'],
  ['bwrap: setting up uid map: Permission denied', 'sandbox'],
  ['x264 [error]: malloc of size 1447520 failed', 'memory'],
  ['[fc#0 @ 0x5612618a9f00] Terminating thread with return code -12 (Cannot allocate memory)', 'memory'],
  ['dd: memory exhausted by input buffer of size 2000000000 bytes (1.9 GiB)', 'memory'],
  ["terminate called after throwing an instance of 'std::bad_alloc'", 'memory'],
  ['Error while opening decoder for input stream #0:0 : Resource temporarily unavailable', 'processes'],
  ['[vost#0:0/libx264 @ 0x55eddf48e240] pthread_create() failed: Operation not permitted', 'processes'],
  ['logo.png: Too many open files', 'processes'],
  ['Error initializing output stream 0:0 -- Error while opening encoder for output stream #0:0', 'encoder'],
  ['Error submitting video frame to the encoder', 'encoder'],
  [
    '[vost#0:0/libx264 @ 0x55] Terminating thread with return code -542398533 (Generic error in an external library)',
    'encoder',
  ],
  ['Exiting normally, received signal 15.', 'stopped'],
  ['Killed', 'killed'],
];

t.equal(words.length, shortageRows.length, 'a test for each row');
for (const [i, [text, shortage]] of words.entries()) {
  t.test(`${shortage}: ${text.slice(0, 60)}`, async (t) => {
    t.same(findShortage(`frame=1\n${text}\nConversion failed!\n`), { shortage, line: text });
    t.match(text, shortageRows[i]?.line);
    t.match(
      explainShortage(shortage),
      /at every attempt\. The fault is on our side; please upload the video again later\.$/,
    );
  });
}

t.test('a system call’s code names the shortage, too', async (t) => {
  t.same(
    ['ENOSPC', 'EDQUOT', 'ENOMEM', 'EAGAIN', 'EMFILE', 'ENFILE', 'ENOENT'].map((code) => shortageByCode.get(code)),
    ['disk', 'disk', 'memory', 'processes', 'processes', 'processes', undefined],
  );
});

t.test('a damaged file is no shortage, nor is metadata that reads like one', async (t) => {
  const damaged = [
    '[mov,mp4 @ 0x55] moov atom not found',
    'source.mp4: Invalid data found when processing input',
    '    title           : No space left on device',
    '                    : Cannot allocate memory',
    '[zscale @ 0x55] Error: Generic error in an external library',
  ];
  t.equal(findShortage(damaged.join('\n')), undefined);
  t.match(explainShortage(undefined), /every attempt at it was cut short/);
});
