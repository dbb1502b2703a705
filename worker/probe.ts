import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { probeWallMs } from '../src/limits.ts';
import { isEncrypted } from './encryption.ts';
import { runTool, type ToolResult } from './ffmpeg.ts';
import { jobFiles } from './ffmpeg-arguments.ts';
import { acceptedCodecs, inputGuards } from './input-guards.ts';
import { judgeRendition, judgeSource, type ProbeReport, refuseCodec, refuseLargePicture } from './probe-verdict.ts';
import type { Profile } from './profile.ts';
import type { Sandbox } from './sandbox.ts';
import type { SourceFacts } from './source-facts.ts';
import type { Tools } from './tools.ts';
import { VideoRefused } from './video-refused.ts';

export interface ProbeParts {
  readonly tools: Tools;
  readonly sandbox: Sandbox;
}

const unreadable = 'The file could not be read as a video.';

/**
 * Looks at the source before any work is done on it. Rejects with VideoRefused when it cannot be accepted. ffprobe gives
 * up on a file with any track that it may not decode, be it sound: then the picture alone takes the source's place.
 */
export async function probeSource(parts: ProbeParts, folder: string, signal: AbortSignal): Promise<SourceFacts> {
  if (await isEncrypted(join(folder, jobFiles.source))) throw new VideoRefused('The video is encrypted.');
  let result = await runProbe(parts, folder, sourceProbe, signal);
  if (result.code !== 0 && namesRefusedCodec(result) !== undefined) {
    await keepPictureAlone(parts, folder, signal);
    result = await runProbe(parts, folder, sourceProbe, signal);
  }
  if (result.code === 0) return judgeSource(readReport(result.output));
  const codec = namesRefusedCodec(result);
  if (codec !== undefined) refuseCodec(codec);
  if (/exceeds specified max pixel count|Picture size \S+ is invalid/.test(result.errors)) refuseLargePicture();
  throw new VideoRefused(unreadable);
}

/** The last look before anybody else's: what was made must be what was asked for, and its first frame must decode. */
export async function probeRendition(
  parts: ProbeParts,
  folder: string,
  profile: Profile,
  source: SourceFacts,
  signal: AbortSignal,
): Promise<void> {
  const result = await runProbe(parts, folder, renditionProbe, signal);
  if (result.code !== 0) throw new VideoRefused(unreadable);
  judgeRendition(readReport(result.output), profile, source);
}

/** A probe decodes a frame or two: threads of its own would cost more than they do. */
const oneThread = ['-threads', '1'];

const sourceProbe = [
  ...['-v', 'error', ...oneThread, ...inputGuards, '-of', 'json', '-show_entries'],
  'format=duration:stream=index,codec_type,codec_name,width,height,pix_fmt,duration,r_frame_rate,avg_frame_rate,' +
    'color_range,color_space,color_transfer,color_primaries:stream_disposition=attached_pic',
  jobFiles.source,
];

const renditionProbe = [
  ...['-v', 'error', ...oneThread, '-protocol_whitelist', 'file', '-f', 'mov'],
  ...['-read_intervals', '%+#1', '-of', 'json'],
  ...['-show_entries', 'format=duration:stream=codec_type,codec_name,width,height,pix_fmt:frame=width'],
  jobFiles.rendition,
];

function runProbe(parts: ProbeParts, folder: string, args: readonly string[], signal: AbortSignal) {
  return runShut(parts, parts.tools.ffprobe, folder, args, signal);
}

async function runShut(
  { sandbox }: ProbeParts,
  tool: string,
  folder: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<ToolResult> {
  const wrapped = sandbox.wrap(folder, tool, args, Math.ceil(probeWallMs / 1000));
  return runTool({ ...wrapped, folder, wallMs: probeWallMs, signal });
}

function namesRefusedCodec({ errors }: ToolResult): string | undefined {
  const names = [...errors.matchAll(/Codec \((\w+)\) not on whitelist/g)].map(([, name = '']) => name);
  return names.find((name) => !acceptedCodecs.has(name));
}

/** Copies the picture's packets as they are: no decoder is opened for it. */
async function keepPictureAlone(parts: ProbeParts, folder: string, signal: AbortSignal): Promise<void> {
  const copy = ['-map', '0:V:0', '-c', 'copy', '-map_metadata', '-1', '-f', 'mp4', 'picture.mp4'];
  const args = ['-v', 'error', '-nostdin', '-y', ...inputGuards, '-i', jobFiles.source, ...copy];
  const result = await runShut(parts, parts.tools.ffmpeg, folder, args, signal);
  if (/matches no streams/.test(result.errors)) throw new VideoRefused('The file has no picture.');
  if (result.code !== 0) throw new VideoRefused(unreadable);
  await rename(join(folder, 'picture.mp4'), join(folder, jobFiles.source));
}

function readReport(output: string): ProbeReport {
  try {
    return JSON.parse(output) as ProbeReport;
  } catch {
    // Only a file with tracks beyond all measure makes a report too long to be kept whole.
    throw new VideoRefused(unreadable);
  }
}
