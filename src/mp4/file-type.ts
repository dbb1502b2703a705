import { listBoxes } from './boxes.ts';
import { isPicture, readTracks } from './tracks.ts';

/** `ftyp` is in bytes 4 to 8, behind the size of its box; the four bytes of the major brand follow. */
export const fileTypeEnd = 12;

/** Major brands of still pictures and their sequences: HEIF, AVIF, Canon's raw files. */
const pictureBrands = new Set(
  'heic heix heim heis hevc hevx hevm hevs mif1 mif2 msf1 avif avis avio avci avcs jpeg jpgs crx'.split(' '),
);

/** Whether a file begins as an MP4 or another ISO file does that may hold a video. */
export function isVideoFileType(bytes: Buffer): boolean {
  if (bytes.length < fileTypeEnd || bytes.toString('latin1', 4, 8) !== 'ftyp' || bytes.readUInt32BE(0) < 8)
    return false;
  return !pictureBrands.has(bytes.toString('latin1', 8, 12).trimEnd());
}

/**
 * Whether a file is known to have no picture by its first bytes: the whole index is within them, lists sound and no
 * picture. False as long as it cannot be known.
 */
export function lacksPicture(bytes: Buffer): boolean {
  const movie = listBoxes(bytes).find(({ type }) => type === 'moov');
  if (movie === undefined || movie.end > bytes.length) return false;
  const tracks = readTracks(bytes, movie);
  return tracks.some(({ handler }) => handler === 'soun') && !tracks.some(isPicture);
}
