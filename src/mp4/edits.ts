import { type Box, findBox } from './boxes.ts';
import { fieldReader, type Track } from './tracks.ts';

export interface EditList {
  readonly box: Box;
  readonly isTrue: boolean;
  /** The total duration of the edits that show media. */
  readonly shownSeconds: number;
}

/**
 * Reads a track's edit list. It is true when the track's header gives the same duration, which the standard requires: a cut by an
 * editor changes both, a wrong duration only one of them. Its edits must also start within the media.
 */
export function readEditList(bytes: Buffer, movie: Box, { box: track, ticks }: Track): EditList | undefined {
  const box = findBox(bytes, track, 'edts');
  const list = findBox(bytes, track, 'edts', 'elst');
  if (box === undefined || list === undefined) return undefined;
  const edits = listEdits(bytes, list);
  const total = edits.reduce((sum, { ticks }) => sum + ticks, 0);
  const shown = edits.filter(({ mediaTime }) => mediaTime >= 0);
  const shownTicks = shown.reduce((sum, { ticks }) => sum + ticks, 0);
  const isWithin = shownTicks > 0 && shown.every(({ mediaTime }) => mediaTime < ticks);
  const isSame = Math.abs(total - readTrackTicks(bytes, track)) <= Math.max(2, total * durationTolerance);
  return { box, isTrue: isWithin && isSame, shownSeconds: shownTicks / readMovieTimescale(bytes, movie) };
}

function readMovieTimescale(bytes: Buffer, movie: Box): number {
  const read = fieldReader(bytes, findBox(bytes, movie, 'mvhd'));
  return read(read(0, 1) === 1 ? 20 : 12, 4) || 1;
}

/** Larger than the rounding error of conversions between timescales. */
const durationTolerance = 0.01;

function readTrackTicks(bytes: Buffer, track: Box): number {
  const read = fieldReader(bytes, findBox(bytes, track, 'tkhd'));
  return (read(0, 1) === 1 ? read(28, 8) : read(20, 4)) ?? 0;
}

function listEdits(bytes: Buffer, box: Box): { ticks: number; mediaTime: number }[] {
  const read = fieldReader(bytes, box);
  const isLong = read(0, 1) === 1;
  const entryBytes = isLong ? 20 : 12;
  const count = Math.min(read(4, 4) ?? 0, Math.floor((box.end - box.body - 8) / entryBytes));
  return Array.from({ length: count }, (_, i) => {
    const at = box.body + 8 + i * entryBytes;
    return isLong
      ? { ticks: Number(bytes.readBigUInt64BE(at)), mediaTime: Number(bytes.readBigInt64BE(at + 8)) }
      : { ticks: bytes.readUInt32BE(at), mediaTime: bytes.readInt32BE(at + 4) };
  });
}
