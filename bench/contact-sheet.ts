import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { runCommand } from '../scripts/lib/run-command.ts';
import { runTool } from '../scripts/lib/run-tool.ts';
import { UserError } from '../scripts/lib/user-error.ts';
import { runTool as runConfined } from '../worker/ffmpeg.ts';
import { assumedMatrix, ffmpegArguments, jobFiles, transcodeOutputs } from '../worker/ffmpeg-arguments.ts';
import { transcodeWallMs } from '../worker/limits.ts';
import { readMachine } from '../worker/machine.ts';
import { probeRendition, probeSource } from '../worker/probe.ts';
import { showcaseProfile } from '../worker/profile.ts';
import { openSandbox } from '../worker/sandbox.ts';
import type { SourceFacts } from '../worker/source-facts.ts';
import { workerCapacity } from '../worker/tool-limits.ts';
import { findTools } from '../worker/tools.ts';
import { type Clip, prepareClips } from './lib/encode-clips.ts';
import { copyInputs } from './lib/encode-commands.ts';

const tileWidth = 480;
const tileHeight = 270;
/** The time of both frames, in the rendition. */
const atSecond = 1;
const quiet = ['-v', 'error', '-nostdin', '-y'];

/**
 * `npm run contact-sheet -- [--out SHEET.png] [FOLDER ...]` writes an image with one row per clip: a frame of the source on the
 * left, the same moment of its rendition on the right. The clips are those of the encode bench: generated clips, and the MP4s
 * in FOLDER.
 */
await runCommand('npm run contact-sheet [-- --out SHEET.png] [FOLDER ...]', async () => {
  const options = { out: { type: 'string', default: 'contact-sheet.png' } } as const;
  const { values, positionals } = parseArgs({ allowPositionals: true, options });
  const { FFMPEG_PATH, FFPROBE_PATH, PATH } = process.env;
  const tools = await findTools({ ffmpegPath: FFMPEG_PATH, ffprobePath: FFPROBE_PATH, searchPath: PATH ?? '' });
  const folder = mkdtempSync(join(tmpdir(), 'contact-sheet-'));
  try {
    const capacity = workerCapacity(readMachine({ cores: 0, memoryMiB: 0 }));
    const deps = { tools, sandbox: await openSandbox(tools, folder, { allowsUnsandboxed: true }), capacity };
    const rows: string[] = [];
    for (const clip of await prepareClips(tools.ffmpeg, join(folder, 'clips'), positionals)) {
      const row = join(folder, `row-${rows.length}.png`);
      await makeRow(deps, clip, join(folder, `work-${rows.length}`), row);
      rows.push(row);
      process.stdout.write(`row ${rows.length}: ${clip.name}\n`);
    }
    await stack(tools.ffmpeg, rows, resolve(values.out));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  process.stdout.write(`${values.out} written, ${statSync(values.out).size} bytes\n`);
  return 0;
});

type Deps = Parameters<typeof probeSource>[0];

async function makeRow(deps: Deps, clip: Clip, folder: string, row: string): Promise<void> {
  const signal = new AbortController().signal;
  mkdirSync(folder);
  copyInputs(folder, clip.path);
  const source = await probeSource(deps, folder, signal);
  const limits = { cpuSeconds: 600, outputs: transcodeOutputs };
  const encode = deps.sandbox.wrap(folder, deps.tools.ffmpeg, ffmpegArguments(showcaseProfile, source, 1), limits);
  await runConfined({ ...encode, folder, wallMs: transcodeWallMs, signal });
  await probeRendition(deps, folder, showcaseProfile, source, signal);
  // Grey around the source distinguishes the sheet's bars from the rendition's.
  const tile = (matrix: string) =>
    `scale=${tileWidth}:${tileHeight}:force_original_aspect_ratio=decrease:in_color_matrix=${matrix},setsar=1,format=rgb24`;
  const graph = [
    `[0:v]${tile(matrixToShow(source))},pad=${tileWidth}:${tileHeight}:-1:-1:gray[source]`,
    `[1:v]${tile('bt709')}[rendition]`,
    '[source][rendition]hstack',
  ].join(';');
  const inputs = [jobFiles.source, jobFiles.rendition].flatMap((name) => ['-ss', `${atSecond}`, '-i', name]);
  await runTool(deps.tools.ffmpeg, [...quiet, ...inputs, '-filter_complex', graph, '-frames:v', '1', row], {
    cwd: folder,
  });
}

/** Picks the matrix that players assume. FFmpeg alone treats an untagged picture as BT.601, whatever its size. */
function matrixToShow(source: SourceFacts): string {
  const isUntagged = ['', 'unknown'].includes(source.matrix);
  if (!isUntagged) return 'auto';
  return assumedMatrix(source) === '709' ? 'bt709' : 'bt601';
}

async function stack(ffmpeg: string, rows: readonly string[], path: string): Promise<void> {
  if (rows.length < 2) throw new UserError(`Expected at least two clips for ${basename(path)}, got ${rows.length}.`);
  mkdirSync(dirname(path), { recursive: true });
  const inputs = rows.flatMap((row) => ['-i', row]);
  await runTool(ffmpeg, [...quiet, ...inputs, '-filter_complex', `vstack=inputs=${rows.length}`, path]);
}
