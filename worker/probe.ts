import { probeWallMs } from '../src/limits.ts';
import { runTool, ToolCrashed, type ToolResult } from './ffmpeg.ts';
import { jobFiles } from './ffmpeg-arguments.ts';
import { inputGuards } from './input-guards.ts';
import { judgeRendition, judgeSource, type ProbeReport } from './probe-verdict.ts';
import type { Profile } from './profile.ts';
import type { Sandbox } from './sandbox.ts';
import type { SourceFacts } from './source-facts.ts';
import { VideoRefused } from './video-refused.ts';

export interface ProbeParts {
  readonly ffprobe: string;
  readonly sandbox: Sandbox;
}

const unreadable = 'The file could not be read as a video.';

/** Looks at the source before any work is done on it. Rejects with VideoRefused when it cannot be accepted. */
export async function probeSource(parts: ProbeParts, folder: string, signal: AbortSignal): Promise<SourceFacts> {
  const entries =
    'format=duration:stream=index,codec_type,codec_name,codec_tag_string,width,height,pix_fmt,duration,r_frame_rate,' +
    'avg_frame_rate,color_range,color_space,color_transfer,color_primaries:stream_disposition=attached_pic';
  const args = ['-v', 'error', ...inputGuards, '-show_entries', entries, '-of', 'json', jobFiles.source];
  const result = await probe(parts, folder, args, signal);
  if (/Picture size \S+ is invalid|max_pixels|exceeds specified max pixel count/.test(result.errors)) {
    return judgeSource({ ...readReport(result.output), picturesTooLarge: true });
  }
  if (result.code !== 0) throw new VideoRefused(unreadable);
  return judgeSource(readReport(result.output));
}

/** The last look before anybody else's: what was made must be what was asked for, and its first frame must decode. */
export async function probeRendition(
  parts: ProbeParts,
  folder: string,
  profile: Profile,
  source: SourceFacts,
  signal: AbortSignal,
): Promise<void> {
  const args = [
    ...['-v', 'error', '-protocol_whitelist', 'file', '-f', 'mov', '-read_intervals', '%+#1'],
    ...[
      '-show_entries',
      'format=duration:stream=codec_type,codec_name,width,height,pix_fmt:frame=width',
      '-of',
      'json',
    ],
    jobFiles.rendition,
  ];
  const result = await probe(parts, folder, args, signal);
  if (result.code !== 0) throw new VideoRefused(unreadable);
  judgeRendition(readReport(result.output), profile, source);
}

async function probe(
  { ffprobe, sandbox }: ProbeParts,
  folder: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<ToolResult> {
  const { command, args: wrapped } = sandbox.wrap(folder, ffprobe, args, Math.ceil(probeWallMs / 1000));
  const result = await runTool({ command, args: wrapped, folder, wallMs: probeWallMs, signal });
  if (/^(bwrap|prlimit|setpriv):/m.test(result.errors)) throw new ToolCrashed(result.errors.trim());
  return result;
}

function readReport(output: string): ProbeReport {
  try {
    return JSON.parse(output) as ProbeReport;
  } catch {
    // Only a file with tracks beyond all measure makes a report too long to be kept whole.
    throw new VideoRefused(unreadable);
  }
}
