import { type Box, findBox } from '../src/mp4/boxes.ts';
import { fieldReader, type Track } from '../src/mp4/tracks.ts';

/**
 * Corrects header fields that FFmpeg relies on, in the bytes of a `moov` box. The media's duration is set to the sum of its
 * samples' durations, since FFmpeg derives the last sample's duration from it; that of a fragmented file is set to 0, since its
 * samples are outside the box. A matrix that is no quarter turn or mirror image becomes the identity.
 */
export function correctHeaders(bytes: Buffer, movie: Box, track: Track, isFragmented: boolean): void {
  const media = findBox(bytes, track.box, 'mdia', 'mdhd');
  if (media !== undefined) writeMediaDuration(bytes, media, isFragmented ? 0 : track.ticks);
  correctMatrix(bytes, findBox(bytes, movie, 'mvhd'), 36);
  correctMatrix(bytes, findBox(bytes, track.box, 'tkhd'), 40);
}

function writeMediaDuration(bytes: Buffer, media: Box, ticks: number): void {
  const isLong = fieldReader(bytes, media)(0, 1) === 1;
  if (media.body + (isLong ? 32 : 20) > media.end) return;
  if (isLong) bytes.writeBigUInt64BE(BigInt(ticks), media.body + 24);
  else bytes.writeUInt32BE(ticks > 0xffffffff ? 0 : ticks, media.body + 16);
}

/** `offset` is the matrix's in a header of version 0. In version 1 it is twelve bytes further. */
function correctMatrix(bytes: Buffer, header: Box | undefined, offset: number): void {
  if (header === undefined) return;
  const at = header.body + offset + (fieldReader(bytes, header)(0, 1) === 1 ? 12 : 0);
  if (at + identity.length * 4 > header.end) return;
  const matrix = identity.map((_, i) => bytes.readInt32BE(at + i * 4));
  if (!isQuarterTurn(matrix)) for (const [i, value] of identity.entries()) bytes.writeInt32BE(value, at + i * 4);
}

const one = 0x10000;
const identity = [one, 0, 0, 0, one, 0, 0, 0, 0x40000000];

function isQuarterTurn([a = 0, b = 0, u = 0, c = 0, d = 0, v = 0, , , w = 0]: readonly number[]): boolean {
  const isUnit = (value: number) => Math.abs(Math.abs(value) - one) < one / 100;
  const isNothing = (value: number) => Math.abs(value) < one / 100;
  const isUpright = isUnit(a) && isUnit(d) && isNothing(b) && isNothing(c);
  const isTurned = isUnit(b) && isUnit(c) && isNothing(a) && isNothing(d);
  return (isUpright || isTurned) && u === 0 && v === 0 && w === identity[8];
}
