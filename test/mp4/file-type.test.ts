import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { isVideoFileType, lacksPicture } from '../../src/mp4/file-type.ts';
import { x264 } from '../support/clip.ts';
import { ffmpeg, makeFolder } from '../worker/support/clips.ts';

const fileType = (major: string, ...compatible: string[]) => {
  const brands = [major, '\0\0\0\0', ...compatible].map((brand) => brand.padEnd(4)).join('');
  const box = Buffer.from(`\0\0\0\0ftyp${brands}`, 'latin1');
  box.writeUInt32BE(box.length);
  return Buffer.concat([box, Buffer.alloc(100)]);
};

t.test('files that begin as a video does are taken, whatever its brand', async (t) => {
  for (const brand of [
    'isom',
    'iso5',
    'mp42',
    'avc1',
    'qt',
    'M4V',
    'MSNV',
    '3gp5',
    'dash',
    'XAVC',
    'nosuch'.slice(0, 4),
  ]) {
    t.ok(isVideoFileType(fileType(brand, 'isom')), brand);
  }
});

t.test('pictures in an ISO file are no video', async (t) => {
  for (const brand of ['heic', 'heix', 'hevc', 'mif1', 'msf1', 'avif', 'avis', 'crx']) {
    t.notOk(isVideoFileType(fileType(brand, 'mif1', 'isom')), brand);
  }
  t.notOk(isVideoFileType(Buffer.from('\xff\xd8\xff\xe0 no box', 'latin1')));
  t.notOk(isVideoFileType(fileType('isom').subarray(0, 11)));
});

t.test('sound alone is known by an index that is there, and a picture is never missed', async (t) => {
  const folder = await makeFolder(t);
  const make = async (name: string, ...args: string[]) => {
    const path = join(folder, name);
    await ffmpeg(...args, '-f', 'mp4', path);
    return readFile(path);
  };
  const sound = ['-f', 'lavfi', '-i', 'sine=duration=0.2', '-c:a', 'aac'];
  const picture = ['-f', 'lavfi', '-i', 'color=size=64x64:duration=0.2', ...x264];
  const song = await make('song.mp4', ...sound);
  t.ok(lacksPicture(song));
  t.notOk(lacksPicture(song.subarray(0, song.length - 1)), 'the index is not there yet');
  t.notOk(lacksPicture(await make('film.mp4', ...sound.slice(0, 4), ...picture.slice(0, 4), ...x264, '-c:a', 'aac')));
  t.notOk(lacksPicture(await make('silent.mp4', ...picture)));
  const fragments = ['-movflags', 'frag_keyframe+empty_moov'];
  t.notOk(lacksPicture(await make('fragments.mp4', ...picture, ...fragments)));
  t.ok(lacksPicture(await make('fragments.m4a', ...sound, ...fragments)));
});
