import { join } from 'node:path';
import { hasFilmCodec } from './choose-track.ts';
import { detectInterlacing } from './detect-interlacing.ts';
import { runTool, type ToolResult } from './ffmpeg.ts';
import { jobFiles } from './ffmpeg-arguments.ts';
import { acceptedCodecs, inputGuards } from './input-guards.ts';
import { InvalidVideoError } from './invalid-video-error.ts';
import { type IsolatedPicture, isolatePicture } from './isolate-picture.ts';
import { probeWallMs, sourceMaxFramesPerSecond, sourceMaxSeconds } from './limits.ts';
import type { ProbeDeps } from './probe-deps.ts';
import { openReportReader, type ProbeReport } from './probe-report.ts';
import type { Profile } from './profile.ts';
import type { SourceFacts } from './source-facts.ts';
import { refuseCodec, refuseLargePicture, validateRendition, validateSource } from './validate-source.ts';

const unreadable = 'The file could not be read as a video.';

/**
 * Probes the source before any other work and removes all but the shown video track from it. Rejects with InvalidVideoError when
 * the source is not accepted.
 */
export async function probeSource(deps: ProbeDeps, folder: string, signal: AbortSignal): Promise<SourceFacts> {
  const picture = await isolatePicture(join(folder, jobFiles.source));
  const { result, report } = await runProbe(deps, folder, sourceProbe, signal);
  if (result.code !== 0) refuse(result, picture);
  const source = validateSource(report, picture);
  return { ...source, interlacing: await detectInterlacing(deps, folder, source, signal) };
}

/** Checks the rendition before it is stored: it must have the requested format, and its first frame must decode. */
export async function probeRendition(
  deps: ProbeDeps,
  folder: string,
  profile: Profile,
  source: SourceFacts,
  signal: AbortSignal,
): Promise<void> {
  const { result, report } = await runProbe(deps, folder, renditionProbe, signal);
  if (result.code !== 0) throw new InvalidVideoError(unreadable);
  validateRendition(report, profile, source);
}

/** A probe decodes a frame or two, which is not worth the start of more threads. */
const oneThread = ['-threads', '1'];

/** The number of packets read, enough to detect a source above the limits of duration and frame rate. */
const packetsMax = Math.ceil(sourceMaxSeconds * sourceMaxFramesPerSecond * 1.05);

const sourceProbe = [
  ...['-v', 'error', ...oneThread, ...inputGuards, '-select_streams', 'v'],
  ...['-read_intervals', `%+#${packetsMax}`, '-of', 'compact', '-show_entries'],
  'format=start_time:packet=stream_index,pts_time,duration_time,flags:' +
    'stream=index,codec_name,width,height,pix_fmt,field_order,r_frame_rate,avg_frame_rate,' +
    'color_range,color_space,color_transfer,color_primaries:stream_disposition=attached_pic',
  jobFiles.source,
];

const renditionProbe = [
  ...['-v', 'error', ...oneThread, '-protocol_whitelist', 'file', '-f', 'mov'],
  ...['-read_intervals', '%+#1', '-of', 'compact'],
  ...['-show_entries', 'format=duration:stream=codec_name,width,height,pix_fmt:frame=width'],
  jobFiles.rendition,
];

async function runProbe(
  deps: ProbeDeps,
  folder: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<{ result: ToolResult; report: ProbeReport }> {
  const { sandbox, tools } = deps;
  const reader = openReportReader();
  const wrapped = sandbox.wrap(folder, tools.ffprobe, args, { cpuSeconds: Math.ceil(probeWallMs / 1000) });
  const result = await runTool({ ...wrapped, folder, wallMs: probeWallMs, signal, onOutput: reader.read });
  return { result, report: reader.report() };
}

function refuse({ errors }: ToolResult, picture: IsolatedPicture | undefined): never {
  const [, codec] = /Codec \(([\w-]+)\) not on whitelist/.exec(errors) ?? [];
  if (codec !== undefined && !acceptedCodecs.has(codec)) refuseCodec(codec);
  if (/exceeds specified max pixel count|Picture size \S+ is invalid/.test(errors)) refuseLargePicture();
  if (picture !== undefined && !hasFilmCodec(picture.sampleEntry)) refuseCodec(picture.sampleEntry);
  throw new InvalidVideoError(unreadable);
}
