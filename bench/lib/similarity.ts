import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { runTool } from '../../scripts/lib/run-tool.ts';
import { findAsset } from '../../worker/asset-files.ts';
import { assumedMatrix, jobFiles } from '../../worker/ffmpeg-arguments.ts';
import { frameRate } from '../../worker/frame-rate.ts';
import { showcaseProfile } from '../../worker/profile.ts';
import type { SourceFacts } from '../../worker/source-facts.ts';
import type { Clip } from './encode-clips.ts';

/**
 * Measures the mean SSIM of a rendition's luma against a lossless rendition of its source, scaled by a scaler that no candidate
 * uses. The reference has the candidate's shape and colour matrix, so only the loss of scaling and encoding is compared.
 */
export async function measureSsim(
  ffmpeg: string,
  folder: string,
  clip: Clip,
  source: SourceFacts,
  isOurs: boolean,
): Promise<number> {
  const reference = await makeReference(ffmpeg, clip, source, isOurs);
  const rendition = join(folder, jobFiles.rendition);
  const frames = await countFrames(ffmpeg, rendition);
  const expected = await countFrames(ffmpeg, reference);
  if (frames !== expected) throw new Error(`Expected ${expected} frames of ${clip.name}, got ${frames}`);
  const output = await compare(ffmpeg, rendition, reference, 'ssim');
  return Number(/SSIM Y:([\d.]+)/.exec(output)?.[1] ?? Number.NaN);
}

/** Measures VMAF, from 0 to 100, with an FFmpeg that has libvmaf. `measureSsim` has to run first: it makes the reference. */
export async function measureVmaf(ffmpeg: string, folder: string, clip: Clip, isOurs: boolean): Promise<number> {
  const measure = 'libvmaf=n_threads=1:n_subsample=5';
  const output = await compare(ffmpeg, join(folder, jobFiles.rendition), referencePath(clip, isOurs), measure);
  return Number(/VMAF score: ([\d.]+)/.exec(output)?.[1] ?? Number.NaN);
}

async function compare(ffmpeg: string, rendition: string, reference: string, measure: string): Promise<string> {
  // Frames are paired by number, because the time stamps of two files differ. Equal tags prevent a colour conversion.
  const align = 'settb=1/1000,setpts=N,setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709';
  const graph = `[0:v]${align}[a];[1:v]${align}[b];[a][b]${measure}`;
  const args = ['-n', '10', ffmpeg, '-hide_banner', '-nostdin', '-i', rendition, '-i', reference, '-lavfi', graph];
  return (await runTool('nice', [...args, '-f', 'null', '-'])).output;
}

async function makeReference(ffmpeg: string, clip: Clip, source: SourceFacts, isOurs: boolean): Promise<string> {
  const path = referencePath(clip, isOurs);
  if (existsSync(path)) return path;
  const { width, height, logo, logoMarginPixels: margin } = showcaseProfile;
  const flags = `flags=lanczos+accurate_rnd+full_chroma_int${isOurs ? toBt709(source) : ''}`;
  const scale = `scale=${isOurs ? roundedShape(width, height) : truncatedShape(width, height)}:${flags}`;
  const rate = `fps=${frameRate(showcaseProfile, source)}`;
  const picture = `setpts=PTS-STARTPTS,${rate},${scale},setsar=1,pad=${width}:${height}:-1:-1`;
  const graph = `[0:v]${picture}[v];[v][1:v]overlay=W-w-${margin}:${margin}:format=yuv420,format=yuv420p`;
  const input = ['-v', 'error', '-nostdin', '-y', '-i', clip.path, '-i', findAsset(logo)];
  const output = ['-filter_complex', graph, '-an', '-c:v', 'libx264', '-preset', 'ultrafast', '-qp', '0', path];
  await runTool('nice', ['-n', '10', ffmpeg, ...input, ...output]);
  return path;
}

function referencePath(clip: Clip, isOurs: boolean): string {
  return `${clip.path}.reference-${isOurs ? 'ours' : 'theirs'}.mkv`;
}

/** The service converts small pictures, which are BT.601 unless tagged otherwise, to BT.709. The other commands do not. */
function toBt709(source: SourceFacts): string {
  const isBt601 = assumedMatrix(source) === '170m' && source.matrix !== 'bt709';
  return isBt601 ? ':in_color_matrix=bt601:out_color_matrix=bt709' : '';
}

/** The service rounds the free side to an even number; the other commands truncate it. */
function roundedShape(width: number, height: number): string {
  const freeWidth = `w='if(gte(dar,16/9),${width},2*round(${height}*dar/2))'`;
  return `${freeWidth}:h='if(gte(dar,16/9),2*round(${width}/dar/2),${height})'`;
}

function truncatedShape(width: number, height: number): string {
  return `${width}:${height}:force_original_aspect_ratio=decrease:force_divisible_by=2`;
}

async function countFrames(ffmpeg: string, path: string): Promise<number> {
  const args = ['-v', 'error', '-nostdin', '-i', path, '-map', '0:v', '-c', 'copy', '-f', 'framecrc', '-'];
  const { stdout } = await runTool(ffmpeg, args);
  return stdout.split('\n').filter((line) => /^\d/.test(line)).length;
}
