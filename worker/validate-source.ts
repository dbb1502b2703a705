import { motionRate } from './frame-rate.ts';
import { acceptedCodecs } from './input-guards.ts';
import { InvalidVideoError } from './invalid-video-error.ts';
import type { IsolatedPicture } from './isolate-picture.ts';
import {
  pictureLongSideMaxPixels,
  pictureShortSideMaxPixels,
  sourceMaxFramesPerSecond,
  sourceMaxSeconds,
  sourceMaxStreams,
} from './limits.ts';
import type { ProbeReport, ProbeStream } from './probe-report.ts';
import type { Profile } from './profile.ts';
import type { SourceFacts } from './source-facts.ts';

/**
 * Returns the facts of a source. Throws InvalidVideoError with a reason for the player when it is not accepted. Durations and rates
 * are those of the packets, since headers may be wrong.
 */
export function validateSource(report: ProbeReport, index?: IsolatedPicture): SourceFacts {
  const { streams, packets } = report;
  if (streams.length > sourceMaxStreams) {
    throw new InvalidVideoError(`The file has more than ${sourceMaxStreams} tracks.`);
  }
  const picture = streams.find((stream) => stream['disposition:attached_pic'] !== '1');
  if (picture?.index === undefined) throw new InvalidVideoError('The file has no picture.');
  if (!acceptedCodecs.has(picture.codec_name ?? '')) refuseCodec(nameCodec(picture, index));
  refuseSize(picture);
  const shown = packets.filter(({ stream, isDiscarded }) => stream === picture.index && !isDiscarded);
  const timeline = readTimeline(shown);
  refuseLength(timeline);
  return {
    streamIndex: Number(picture.index),
    codec: picture.codec_name ?? '',
    width: Number(picture.width),
    height: Number(picture.height),
    seconds: timeline.seconds,
    indexedSeconds: index?.indexedSeconds,
    startSeconds: timeline.start - (Number(report.format.start_time) || 0),
    frameSeconds: timeline.frameSeconds,
    pixelFormat: picture.pix_fmt ?? '',
    declaredRates: [picture.r_frame_rate ?? '', picture.avg_frame_rate ?? ''],
    matrix: picture.color_space ?? '',
    transfer: picture.color_transfer ?? '',
    primaries: picture.color_primaries ?? '',
    range: picture.color_range ?? '',
    isMarkedInterlaced: /^(tt|bb|tb|bt)$/.test(picture.field_order ?? ''),
    interlacing: undefined,
  };
}

/** Returns the codec's name, or the file's tag when FFmpeg does not know the codec. */
function nameCodec({ codec_name: name = 'unknown' }: ProbeStream, index?: IsolatedPicture): string {
  return name === 'unknown' ? index?.sampleEntry.replace(/[^\w -]/g, '?').trim() || 'something unknown' : name;
}

interface Timeline {
  readonly start: number;
  readonly seconds: number;
  readonly frameSeconds: readonly number[];
}

function readTimeline(packets: ProbeReport['packets']): Timeline {
  const sorted = packets.toSorted((a, b) => a.start - b.start);
  const [first, last] = [sorted[0], sorted.at(-1)];
  if (first === undefined || last === undefined) throw new InvalidVideoError('The picture could not be read.');
  const frameSeconds = sorted.map(({ start }) => start - first.start);
  const lastSeconds = last.duration > 0 ? last.duration : 1 / (motionRate(frameSeconds) ?? framesPerSecondAssumed);
  return { start: first.start, frameSeconds, seconds: last.start - first.start + lastSeconds };
}

/** The frame rate of a single frame without a duration. */
const framesPerSecondAssumed = 25;

export function refuseCodec(codec: string): never {
  throw new InvalidVideoError(`The picture is encoded as ${codec}; expected H.264, H.265, MPEG-4, VP9 or AV1.`);
}

export function refuseLargePicture(): never {
  throw new InvalidVideoError(`The picture is larger than ${pictureLongSideMaxPixels}x${pictureShortSideMaxPixels}.`);
}

function refuseSize(picture: ProbeStream): void {
  const [width, height] = [Number(picture.width ?? 0), Number(picture.height ?? 0)];
  const [long, short] = [Math.max(width, height), Math.min(width, height)];
  if (long > pictureLongSideMaxPixels || short > pictureShortSideMaxPixels) refuseLargePicture();
  // The size is 0 when no frame could be decoded.
  if (short === 0) throw new InvalidVideoError('The picture could not be read.');
}

/** Rejects sources that are too long or have too many frames. The duration of the last frame does not count, as it costs nothing. */
function refuseLength({ frameSeconds }: Timeline): void {
  const last = frameSeconds.at(-1) ?? 0;
  if (last > sourceMaxSeconds * (1 + boundTolerance)) {
    throw new InvalidVideoError(`The video is longer than ${sourceMaxSeconds / 60} minutes.`);
  }
  if ((frameSeconds.length - 1) / last > sourceMaxFramesPerSecond * (1 + boundTolerance)) {
    throw new InvalidVideoError(`The video has more than ${sourceMaxFramesPerSecond} frames a second.`);
  }
}

/** Tolerance of the limits: cameras' frame rates vary, and a film of ten minutes ends with its last sample of sound. */
const boundTolerance = 0.01;

/** Throws InvalidVideoError when the rendition differs from its profile: the source is damaged or shorter than its index. */
export function validateRendition(report: ProbeReport, profile: Profile, source: SourceFacts): void {
  const [picture, ...others] = report.streams;
  const seconds = Number(report.format.duration) || 0;
  const isWhole =
    others.length === 0 &&
    picture?.codec_name === 'h264' &&
    picture.pix_fmt === 'yuv420p' &&
    Number(picture.width) === profile.width &&
    Number(picture.height) === profile.height &&
    report.frames > 0;
  if (!isWhole || seconds === 0) throw new InvalidVideoError('The picture could not be read.');
  refuseShort(seconds, Math.min(profile.seconds, Math.max(source.seconds, source.indexedSeconds ?? 0)));
}

/** Rejects a rendition shorter than expected. A longer one is accepted. */
function refuseShort(seconds: number, expected: number): void {
  if (seconds >= expected - shortToleranceSeconds) return;
  throw new InvalidVideoError(
    `The video is damaged: only ${seconds.toFixed(0)} s of ${expected.toFixed(0)} s could be read.`,
  );
}

const shortToleranceSeconds = 1;
