import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { findTools } from '../../worker/tools.ts';
import { makeFolder } from './support/clips.ts';

t.test('the FFmpeg in use is named with its version, be it a release or built from a branch', async (t) => {
  for (const [name, codec] of [
    ['5.1.9-0+deb12u1', '59. 37.100'],
    ['N-112233-gabcdef', '61.  3.100'],
  ] as const) {
    const folder = await pretend(t, name, codec);
    t.match(await findTools({ ffmpegPath: undefined, ffprobePath: undefined, searchPath: `/nowhere:${folder}` }), {
      ffmpeg: join(folder, 'ffmpeg'),
      ffprobe: join(folder, 'ffprobe'),
      version: name,
    });
  }
});

t.test('a version below the minimum is refused, whatever it calls itself', async (t) => {
  for (const [name, codec] of [
    ['4.4.2', '58.134.100'],
    ['5.0.3', '59. 18.100'],
    ['N-1-g9.9', '58.  1.100'],
  ] as const) {
    const folder = await pretend(t, name, codec);
    const found = findTools({
      ffmpegPath: join(folder, 'ffmpeg'),
      ffprobePath: join(folder, 'ffprobe'),
      searchPath: '',
    });
    await t.rejects(found, { name: 'ConfigError', message: new RegExp(`to be version 5.1 or newer, got ${name}`) });
  }
});

t.test('a setting that names no program is an error, even if the PATH has one', async (t) => {
  const searchPath = await pretend(t, '7.1', '61. 19.100');
  const found = findTools({ ffmpegPath: '/nowhere/ffmpeg', ffprobePath: undefined, searchPath });
  await t.rejects(found, { name: 'ConfigError', message: /FFMPEG_PATH.*\/nowhere\/ffmpeg/ });
});

/** A folder with an ffmpeg and an ffprobe that can say their version and no more. */
async function pretend(t: Test, version: string, codec: string): Promise<string> {
  const folder = await makeFolder(t);
  for (const name of ['ffmpeg', 'ffprobe']) {
    const path = join(folder, name);
    await writeFile(
      path,
      `#!/bin/sh\necho "${name} version ${version} and more"\necho "libavcodec     ${codec} / ${codec}"\n`,
    );
    await chmod(path, 0o755);
  }
  return folder;
}
