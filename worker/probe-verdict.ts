import {
  pictureLongSideMaxPixels,
  pictureShortSideMaxPixels,
  sourceMaxFramesPerSecond,
  sourceMaxSeconds,
  sourceMaxStreams,
} from '../src/limits.ts';
import { acceptedCodecs } from './input-guards.ts';
import type { Profile } from './profile.ts';
import type { SourceFacts } from './source-facts.ts';
import { VideoRefused } from './video-refused.ts';

/** What ffprobe prints, as far as we ask for it. Anything may be missing. */
export interface ProbeReport {
  readonly format?: { readonly duration?: string };
  readonly streams?: readonly ProbeStream[];
  readonly frames?: readonly { readonly width?: number }[];
}

export interface ProbeStream {
  readonly index?: number;
  readonly codec_type?: string;
  readonly codec_name?: string;
  readonly width?: number;
  readonly height?: number;
  readonly pix_fmt?: string;
  readonly duration?: string;
  readonly r_frame_rate?: string;
  readonly avg_frame_rate?: string;
  readonly color_range?: string;
  readonly color_space?: string;
  readonly color_transfer?: string;
  readonly color_primaries?: string;
  readonly disposition?: { readonly attached_pic?: number };
}

/** Pure. Throws VideoRefused with a reason the player understands. */
export function judgeSource(report: ProbeReport): SourceFacts {
  const streams = report.streams ?? [];
  if (streams.length > sourceMaxStreams) {
    throw new VideoRefused(`The file has more than ${sourceMaxStreams} tracks.`);
  }
  const picture = streams.find((stream) => stream.codec_type === 'video' && stream.disposition?.attached_pic !== 1);
  if (picture?.index === undefined) throw new VideoRefused('The file has no picture.');
  if (!acceptedCodecs.has(picture.codec_name ?? '')) refuseCodec(picture.codec_name ?? 'something unknown');
  refuseSize(picture);
  const seconds = readNumber(picture.duration) ?? readNumber(report.format?.duration);
  refuseLength(picture, [seconds, readNumber(report.format?.duration)]);
  return {
    streamIndex: picture.index,
    codec: picture.codec_name ?? '',
    width: picture.width ?? 0,
    height: picture.height ?? 0,
    seconds,
    pixelFormat: picture.pix_fmt ?? '',
    clockRate: picture.r_frame_rate ?? '',
    averageRate: picture.avg_frame_rate ?? '',
    matrix: picture.color_space ?? '',
    transfer: picture.color_transfer ?? '',
    primaries: picture.color_primaries ?? '',
    range: picture.color_range ?? '',
  };
}

export function refuseCodec(codec: string): never {
  throw new VideoRefused(`The picture is encoded as ${codec}; expected H.264, H.265, MPEG-4, VP9 or AV1.`);
}

export function refuseLargePicture(): never {
  throw new VideoRefused(`The picture is larger than ${pictureLongSideMaxPixels}x${pictureShortSideMaxPixels}.`);
}

function refuseSize({ width = 0, height = 0 }: ProbeStream): void {
  const [long, short] = [Math.max(width, height), Math.min(width, height)];
  if (long > pictureLongSideMaxPixels || short > pictureShortSideMaxPixels) refuseLargePicture();
  // A decoder that made no picture of the first frames leaves the size at nothing.
  if (short === 0) throw new VideoRefused('The picture could not be read.');
}

function refuseLength(picture: ProbeStream, durations: readonly (number | undefined)[]): void {
  const seconds = Math.max(...durations.map((duration) => duration ?? 0));
  if (seconds > sourceMaxSeconds) throw new VideoRefused(`The video is longer than ${sourceMaxSeconds / 60} minutes.`);
  const [frames = 0, perSeconds = 1] = (picture.avg_frame_rate ?? '').split('/').map(Number);
  if (frames / perSeconds > sourceMaxFramesPerSecond) {
    throw new VideoRefused(`The video has more than ${sourceMaxFramesPerSecond} frames a second.`);
  }
}

/** Pure. What does not fit was made from a file that ends early or falls apart in the middle. */
export function judgeRendition(report: ProbeReport, profile: Profile, source: SourceFacts): void {
  const [picture, ...others] = report.streams ?? [];
  const seconds = readNumber(report.format?.duration) ?? 0;
  const isWhole =
    others.length === 0 &&
    picture?.codec_name === 'h264' &&
    picture.pix_fmt === 'yuv420p' &&
    picture.width === profile.width &&
    picture.height === profile.height &&
    report.frames?.[0]?.width === profile.width;
  if (!isWhole || seconds === 0) throw new VideoRefused('The picture could not be read.');
  const expected = Math.min(profile.seconds, source.seconds ?? seconds);
  if (Math.abs(seconds - expected) > 1) {
    throw new VideoRefused(
      `The video is damaged: only ${seconds.toFixed(0)} s of ${expected.toFixed(0)} s could be read.`,
    );
  }
}

function readNumber(text: string | undefined): number | undefined {
  const number = Number(text);
  return text === undefined || !Number.isFinite(number) || number <= 0 ? undefined : number;
}
