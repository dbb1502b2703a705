import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { x264 } from '../../support/clip.ts';
import { ffmpeg } from '../../worker/support/clips.ts';
import { listBoxes, truncations } from './mp4-boxes.ts';

export interface HostileFile {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Makes a small clip of every accepted kind, for mutations and truncations. */
export async function makeSeeds(folder: string): Promise<HostileFile[]> {
  const picture = ['-f', 'lavfi', '-i', 'testsrc2=size=64x48:rate=10:duration=0.6'];
  const sound = ['-f', 'lavfi', '-i', 'sine=duration=0.6', '-c:a', 'aac', '-b:a', '16k'];
  return makeAll(folder, {
    'index first, with sound': [...picture, ...sound, ...x264, '-movflags', '+faststart'],
    'index last': [...picture, ...x264],
    fragmented: [...picture, ...x264, '-g', '2', '-movflags', 'frag_keyframe+empty_moov'],
    'MPEG-4': [...picture, '-c:v', 'mpeg4', '-movflags', '+faststart'],
    HEVC: [...picture, '-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=none', '-tag:v', 'hvc1'],
    turned: [...picture, ...x264, '-metadata:s:v', 'rotate=90', '-movflags', '+faststart'],
  });
}

/** Files that are well-formed and expensive for a reader that trusts their headers. */
export async function makeBombs(folder: string): Promise<HostileFile[]> {
  const tiny = (seconds: number, rate: string) => ['-f', 'lavfi', '-i', `color=size=16x16:rate=${rate}:d=${seconds}`];
  const made = await makeAll(folder, {
    'a hundred hours': [...tiny(360_000, '1/20'), ...x264, '-x264-params', 'scenecut=0:keyint=9999'],
    'ten thousand frames a second': [...tiny(1, '10000'), ...x264, '-video_track_timescale', '10000'],
    'a picture of 6400x3600': ['-f', 'lavfi', '-i', 'color=size=6400x3600:rate=1:d=1', ...x264],
    'one frame': [...tiny(1, '1'), ...x264, '-movflags', '+faststart'],
  });
  const single = made.find(({ name }) => name === 'one frame')?.bytes ?? Buffer.alloc(0);
  const large = made.find(({ name }) => name.startsWith('a picture'))?.bytes ?? Buffer.alloc(0);
  return [
    ...made,
    { name: 'a thousand tracks', bytes: await multiplyTracks(folder, single, 1_000) },
    { name: 'a large picture that calls itself small', bytes: callItself(large, 64, 48) },
    { name: 'a small picture that calls itself large', bytes: callItself(single, 16_384, 8_192) },
    { name: 'no index', bytes: without(single, 'moov') },
    { name: 'no media', bytes: without(single, 'mdat') },
    { name: 'an index of four gigabytes', bytes: withSize(single, 'moov', 0xffffffff) },
    { name: 'a table of four thousand million entries', bytes: withField(single, 'stsz', 16, 0xffffffff) },
    { name: 'boxes in boxes in boxes', bytes: nest(single, 5_000) },
  ];
}

export async function makeTruncations(seeds: readonly HostileFile[]): Promise<HostileFile[]> {
  return seeds
    .slice(0, 3)
    .flatMap(({ name, bytes }) =>
      truncations(bytes).map((cut) => ({ name: `${name}, cut off at ${cut.length} of ${bytes.length}`, bytes: cut })),
    );
}

async function makeAll(folder: string, recipes: Record<string, string[]>): Promise<HostileFile[]> {
  const files: HostileFile[] = [];
  for (const [name, recipe] of Object.entries(recipes)) {
    const path = join(folder, `made-${files.length}.mp4`);
    await ffmpeg(...recipe, '-f', 'mp4', path);
    files.push({ name, bytes: await readFile(path) });
    await rm(path);
  }
  return files;
}

async function multiplyTracks(folder: string, single: Buffer, count: number): Promise<Buffer> {
  const [source, path] = [join(folder, 'single.mp4'), join(folder, 'many.mp4')];
  await writeFile(source, single);
  await ffmpeg('-i', source, ...Array.from({ length: count }, () => ['-map', '0:v']).flat(), '-c', 'copy', path);
  return readFile(path);
}

/** In the sample's description, which is what a reader sees before the picture itself. */
function callItself(bytes: Buffer, width: number, height: number): Buffer {
  const copy = Buffer.from(bytes);
  const at = copy.indexOf('avc1', listBoxes(copy).find(({ type }) => type === 'stsd')?.start ?? 0);
  copy.writeUInt16BE(width, at + 28);
  copy.writeUInt16BE(height, at + 30);
  return copy;
}

function without(bytes: Buffer, type: string): Buffer {
  const box = find(bytes, type);
  return Buffer.concat([bytes.subarray(0, box.start), bytes.subarray(box.end)]);
}

function withSize(bytes: Buffer, type: string, size: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt32BE(size, find(copy, type).start);
  return copy;
}

function withField(bytes: Buffer, type: string, offset: number, value: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt32BE(value, find(copy, type).start + offset);
  return copy;
}

/** The index wrapped in thousands of its own kind. */
function nest(bytes: Buffer, depth: number): Buffer {
  const inner = bytes.subarray(find(bytes, 'moov').start, find(bytes, 'moov').end);
  const heads = Buffer.alloc(depth * 8);
  for (let i = 0; i < depth; i += 1) {
    heads.writeUInt32BE((depth - i) * 8 + inner.length, i * 8);
    heads.write(i % 2 === 0 ? 'moov' : 'trak', i * 8 + 4, 'latin1');
  }
  return Buffer.concat([bytes.subarray(0, find(bytes, 'moov').start), heads, inner]);
}

function find(bytes: Buffer, type: string) {
  const box = listBoxes(bytes).find((each) => each.type === type);
  if (box === undefined) throw new Error(`Expected a box ${type}, got none`);
  return box;
}
