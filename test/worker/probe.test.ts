import { copyFile, stat, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { runTool } from '../../worker/ffmpeg.ts';
import { ffmpegArguments, jobFiles } from '../../worker/ffmpeg-arguments.ts';
import { probeSource } from '../../worker/probe.ts';
import { judgeSource } from '../../worker/probe-verdict.ts';
import { showcaseProfile } from '../../worker/profile.ts';
import type { Sandbox } from '../../worker/sandbox.ts';
import { ffmpeg, makeClip, makeFolder, makeJobFolder, openParts, x264 } from './support/clips.ts';

const never = new AbortController().signal;

t.test('what cannot be accepted is refused with a reason a player understands', async (t) => {
  const parts = await openParts(t);
  const sound = ['-f', 'lavfi', '-i', 'sine=duration=1', '-c:a', 'aac'];
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
    ['too long', /longer than 10 minutes/, makeClip('64x64', 602, '1')],
    ['too large', /larger than 4096x2304/, makeClip('4352x128', 0.2, '5')],
    [
      'too many frames',
      /more than 240 frames/,
      makeClip('64x64', 0.2, '1000', [...x264, '-video_track_timescale', '1000']),
    ],
    ['encrypted', /encrypted/, (path) => ffmpeg(...testCard, ...x264, ...encryption, '-f', 'mp4', path)],
    ['a cover and no film', /no picture/, (path) => makeCoverOnly(path, sound)],
    ['cut off before its index', /could not be read as a video/, cutAt(0.5, [])],
  ];
  for (const [name, reason, make] of cases) {
    const folder = await makeJobFolder(t, make);
    await t.rejects(probeSource(parts, folder, never), { name: 'VideoRefused', message: reason }, name);
  }
});

t.test('a header that declares a picture of huge size is refused without the memory for it', async (t) => {
  const parts = await openParts(t);
  const folder = await makeJobFolder(
    t,
    makeClip('8192x4320', 0.04, '25', ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none']),
  );
  await t.rejects(probeSource(parts, folder, never), { name: 'VideoRefused', message: /larger than 4096x2304/ });
});

t.test('a hundred hours, a thousand tracks: refused by what the probe reports', async (t) => {
  const picture = { index: 0, codec_type: 'video', codec_name: 'h264', width: 64, height: 64, duration: '360000' };
  t.throws(() => judgeSource({ streams: [picture] }), { message: /longer than 10 minutes/ });
  const streams = Array.from({ length: 1000 }, (_, index) => ({ ...picture, duration: '1', index }));
  t.throws(() => judgeSource({ streams }), { message: /more than 32 tracks/ });
  t.throws(() => judgeSource({}), { message: /no picture/ });
  t.throws(() => judgeSource({ streams: [{ ...picture, duration: '1', width: 0 }] }), { message: /could not be read/ });
});

t.test('a cover beside the film is not taken for the film', async (t) => {
  t.match(
    judgeSource({
      streams: [
        { index: 0, codec_type: 'video', codec_name: 'mjpeg', width: 9, height: 9, disposition: { attached_pic: 1 } },
        { index: 1, codec_type: 'video', codec_name: 'h264', width: 640, height: 360, duration: '2' },
      ],
    }),
    { streamIndex: 1, codec: 'h264' },
  );
});

t.test('sound that the probe may not decode is no reason to refuse the picture', async (t) => {
  const parts = await openParts(t);
  const folder = await makeJobFolder(t, (path) =>
    ffmpeg(...testCard, '-f', 'lavfi', '-i', 'sine=duration=1', ...x264, '-c:a', 'libvorbis', '-f', 'mp4', path),
  );
  t.match(await probeSource(parts, folder, never), { codec: 'h264' });
});

t.test('a file in disguise reads no other file and reaches no address', async (t) => {
  const parts = await openParts(t);
  const plain: Sandbox = {
    isolates: false,
    warning: undefined,
    wrap: (_folder, tool, args) => ({ command: tool, args: [...args] }),
  };
  const canary = join(await makeFolder(t), 'canary.mp4');
  await makeClip('64x64', 1, '25')(canary);
  const listener = await listen(t);
  for (const [name, text] of Object.entries(disguises(canary, listener.port))) {
    const folder = await makeJobFolder(t, (path) => writeFile(path, text));
    await copyFile(canary, join(folder, 'beside.mp4'));
    for (const sandbox of [parts.sandbox, plain]) {
      const way = `${name}, ${sandbox.isolates ? 'sandboxed' : 'by the flags alone'}`;
      await t.rejects(probeSource({ ...parts, sandbox }, folder, never), { name: 'VideoRefused' }, way);
      const { command, args } = sandbox.wrap(
        folder,
        parts.tools.ffmpeg,
        ffmpegArguments(showcaseProfile, facts, 1),
        20,
      );
      const result = await runTool({ command, args, folder, wallMs: 20_000, signal: never });
      t.not(result.code, 0, way);
      t.equal(await sizeOf(join(folder, jobFiles.rendition)), 0, `${way}: nothing was written`);
    }
  }
  t.equal(listener.connections(), 0);
});

t.test('inside the sandbox alone, without the flags, neither the canary nor the network is there', async (t) => {
  const parts = await openParts(t);
  if (!parts.sandbox.isolates) {
    t.pass(`this machine has no sandbox: ${parts.sandbox.warning}`);
    return;
  }
  const canary = join(await makeFolder(t), 'canary.mp4');
  await makeClip('64x64', 1, '25')(canary);
  const listener = await listen(t);
  const folder = await makeJobFolder(t, async () => undefined);
  for (const input of [canary, `tcp://127.0.0.1:${listener.port}`, `http://127.0.0.1:${listener.port}/x.mp4`]) {
    const args = ['-v', 'error', '-nostdin', '-y', '-i', input, '-c', 'copy', '-f', 'mp4', 'stolen.mp4'];
    const wrapped = parts.sandbox.wrap(folder, parts.tools.ffmpeg, args, 10);
    const result = await runTool({ ...wrapped, folder, wallMs: 10_000, signal: never });
    t.not(result.code, 0, input);
  }
  t.equal(await sizeOf(join(folder, 'stolen.mp4')), 0);
  t.equal(listener.connections(), 0);
});

const testCard = ['-f', 'lavfi', '-i', 'testsrc2=size=64x64:rate=25:duration=1'];
const encryption = [
  ...['-encryption_scheme', 'cenc-aes-ctr', '-encryption_key', '00112233445566778899aabbccddeeff'],
  ...['-encryption_kid', '112233445566778899aabbccddeeff00'],
];
const facts = {
  ...{ streamIndex: 0, codec: 'h264', width: 64, height: 64, seconds: 1, pixelFormat: 'yuv420p' },
  ...{ clockRate: '25/1', averageRate: '25/1', matrix: '', transfer: '', primaries: '', range: '' },
};

async function makeCoverOnly(path: string, sound: string[]): Promise<void> {
  const cover = `${path}.png`;
  await ffmpeg(...testCard, '-frames:v', '1', cover);
  const [, , , , ...codec] = sound;
  await ffmpeg(
    '-f',
    'lavfi',
    '-i',
    'sine=duration=1',
    '-i',
    cover,
    '-map',
    '0',
    '-map',
    '1',
    ...codec,
    '-c:v',
    'png',
    '-disposition:v:0',
    'attached_pic',
    '-f',
    'mp4',
    path,
  );
}

function cutAt(share: number, encode: string[]) {
  return async (path: string) => {
    await makeClip('320x180', 2, '25', [...x264, ...encode])(path);
    await truncate(path, Math.floor((await stat(path)).size * share));
  };
}

function disguises(canary: string, port: number): Record<string, string> {
  const url = `http://127.0.0.1:${port}/x.mp4`;
  return {
    'an HLS list of files': `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile://${canary}\n#EXT-X-ENDLIST\n`,
    'an HLS list of addresses': `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n${url}\n#EXT-X-ENDLIST\n`,
    'an ffconcat script': `ffconcat version 1.0\nfile '${canary}'\n`,
    'an ffconcat script of a neighbour': "ffconcat version 1.0\nfile 'beside.mp4'\n",
    'a DASH manifest': `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1"><BaseURL>${url}</BaseURL></Representation></AdaptationSet></Period></MPD>`,
    'an SVG': `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><image xlink:href="file://${canary}"/></svg>`,
    'an SDP': `v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video ${port} RTP/AVP 96\na=rtpmap:96 H264/90000\n`,
  };
}

async function listen(t: Test): Promise<{ port: number; connections: () => number }> {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('Expected a port');
  return { port: address.port, connections: () => connections };
}

async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}
