import { stat, truncate, writeFile } from 'node:fs/promises';
import t from 'tap';
import { probeSource } from '../../worker/probe.ts';
import type { ProbePacket, ProbeStream } from '../../worker/probe-report.ts';
import { validateSource } from '../../worker/validate-source.ts';
import { lavfi, x264 } from '../support/clip.ts';
import { ffmpeg, makeClip, makeJobFolder, openParts } from './support/clips.ts';

const never = new AbortController().signal;

t.test('what cannot be accepted is refused with a reason a player understands', async (t) => {
  const parts = await openParts(t);
  const sound = [...lavfi('sine=duration=1'), '-c:a', 'aac'];
  const cases: [string, RegExp, (path: string) => Promise<unknown>][] = [
    ['no video at all', /could not be read as a video/, (path) => writeFile(path, 'hello')],
    ['empty', /could not be read as a video/, (path) => writeFile(path, '')],
    ['sound alone', /no picture/, (path) => ffmpeg(...sound, '-f', 'mp4', path)],
    [
      'another container',
      /could not be read as a video/,
      (path) => ffmpeg(...testCard, ...x264, '-f', 'matroska', path),
    ],
    [
      'a codec that is not accepted',
      /encoded as mjpeg/,
      (path) => ffmpeg(...testCard, '-c:v', 'mjpeg', '-f', 'mp4', path),
    ],
    ['too long', /longer than 10 minutes/, makeClip('64x64', 620, '1')],
    ['too large', /larger than 4096x2304/, makeClip('4352x128', 0.2, '5')],
    [
      'too many frames',
      /more than 240 frames/,
      makeClip('64x64', 0.2, '1000', [...x264, '-video_track_timescale', '1000']),
    ],
    ['encrypted', /encrypted/, (path) => ffmpeg(...testCard, ...x264, ...encryption, '-f', 'mp4', path)],
    ['a cover and no film', /no picture/, (path) => makeCoverOnly(path)],
    ['cut off before its index', /could not be read as a video/, cutAt(0.5, [])],
  ];
  for (const [name, reason, make] of cases) {
    const folder = await makeJobFolder(t, make);
    await t.rejects(probeSource(parts, folder, never), { name: 'InvalidVideoError', message: reason }, name);
  }
});

t.test('a header that declares a picture of huge size is refused without the memory for it', async (t) => {
  const parts = await openParts(t);
  const folder = await makeJobFolder(
    t,
    makeClip('8192x4320', 0.04, '25', ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none']),
  );
  await t.rejects(probeSource(parts, folder, never), { name: 'InvalidVideoError', message: /larger than 4096x2304/ });
});

const picture: ProbeStream = { index: '0', codec_name: 'h264', width: '64', height: '64' };
const packet: ProbePacket = { stream: '0', start: 0, duration: 0.04, isDiscarded: false };
const reportOf = (streams: ProbeStream[], packets: ProbePacket[]) => ({ streams, packets, format: {}, frames: 0 });

t.test('a hundred hours, a thousand tracks: refused by what the probe reports', async (t) => {
  const validate = (streams: ProbeStream[], packets: ProbePacket[]) => validateSource(reportOf(streams, packets));
  const hours = [packet, { ...packet, start: 360_000 }];
  t.throws(() => validate([picture], hours), { message: /longer than 10 minutes/ });
  t.throws(() => validate(Array(1000).fill(picture), [packet]), { message: /more than 32 tracks/ });
  t.throws(() => validate([], []), { message: /no picture/ });
  t.throws(() => validate([{ ...picture, width: '0' }], [packet]), { message: /could not be read/ });
  t.throws(() => validate([picture], []), { message: /could not be read/ });
});

t.test('bounds are held as players count: a little over is no reason to refuse', async (t) => {
  const frames = (rate: number, seconds: number) =>
    Array.from({ length: rate * seconds }, (_, i) => ({ ...packet, start: i / rate, duration: 1 / rate }));
  t.match(validateSource(reportOf([picture], frames(240.06, 2))), { frameSeconds: { length: 480 } });
  t.match(validateSource(reportOf([picture], [...frames(1, 601)])), { seconds: 601 });
  t.throws(() => validateSource(reportOf([picture], frames(300, 2))), { message: /more than 240 frames/ });
  t.throws(() => validateSource(reportOf([picture], frames(1, 620))), { message: /longer than 10 minutes/ });
});

t.test('frames are counted in the order they are shown, without those that an edit list leaves out', async (t) => {
  const packets = [0.08, 0.2, 0.12, 0.16].map((start) => ({ ...packet, start }));
  const left = { ...packet, start: 0, isDiscarded: true };
  const source = validateSource(reportOf([picture], [left, ...packets, { ...packet, stream: '1', start: 9 }]));
  t.strictSame(
    source.frameSeconds.map((second) => second.toFixed(2)),
    ['0.00', '0.04', '0.08', '0.12'],
  );
  t.match([source.startSeconds, source.seconds.toFixed(2)], [0.08, '0.16']);
});

t.test('a cover beside the film is not taken for the film', async (t) => {
  const cover: ProbeStream = { ...picture, codec_name: 'mjpeg', 'disposition:attached_pic': '1' };
  const source = validateSource(reportOf([cover, { ...picture, index: '1' }], [{ ...packet, stream: '1' }]));
  t.match(source, { streamIndex: 1, codec: 'h264' });
});

t.test('sound that the probe may not decode is no reason to refuse the picture', async (t) => {
  const parts = await openParts(t);
  const folder = await makeJobFolder(t, (path) =>
    ffmpeg(...testCard, ...lavfi('sine=duration=1'), ...x264, '-c:a', 'libvorbis', '-f', 'mp4', path),
  );
  t.match(await probeSource(parts, folder, never), { codec: 'h264' });
});

const testCard = lavfi('testsrc2=size=64x64:rate=25:duration=1');
const key = '-encryption_key 00112233445566778899aabbccddeeff -encryption_kid 112233445566778899aabbccddeeff00';
const encryption = `-encryption_scheme cenc-aes-ctr ${key}`.split(' ');

async function makeCoverOnly(path: string): Promise<void> {
  const cover = `${path}.png`;
  await ffmpeg(...testCard, '-frames:v', '1', cover);
  const options = '-map 0 -map 1 -c:a aac -c:v png -disposition:v:0 attached_pic'.split(' ');
  await ffmpeg(...lavfi('sine=duration=1'), '-i', cover, ...options, '-f', 'mp4', path);
}

function cutAt(share: number, encode: string[]) {
  return async (path: string) => {
    await makeClip('320x180', 2, '25', [...x264, ...encode])(path);
    await truncate(path, Math.floor((await stat(path)).size * share));
  };
}
