import { pictureMaxPixels } from './limits.ts';

/** The accepted codecs, by ffprobe's names, and the decoder of each. */
export const acceptedCodecs: ReadonlyMap<string, string> = new Map([
  ['h264', 'h264'],
  ['hevc', 'hevc'],
  ['mpeg4', 'mpeg4'],
  ['vp9', 'vp9'],
  ['av1', 'libdav1d'],
]);

/**
 * Options that precede every `-i` of a player's file. FFmpeg then reads the file only as an MP4, opens no other file, uses only
 * well-tested decoders and limits the size of the picture.
 */
export const inputGuards: readonly string[] = [
  '-protocol_whitelist',
  'file',
  '-f',
  'mov',
  '-codec_whitelist',
  [...acceptedCodecs.values()].join(','),
  '-max_pixels',
  String(pictureMaxPixels),
];
