import { pictureMaxPixels } from '../src/limits.ts';

/** The pictures we accept, by the names the probe gives, and the decoder that reads each. */
export const acceptedCodecs: ReadonlyMap<string, string> = new Map([
  ['h264', 'h264'],
  ['hevc', 'hevc'],
  ['mpeg4', 'mpeg4'],
  ['vp9', 'vp9'],
  ['av1', 'libdav1d'],
]);

/**
 * Before every `-i` of a player's file: it is read as an MP4 and nothing else, opens no second file, and reaches none
 * but well-tested decoders, with a picture of bounded size.
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
