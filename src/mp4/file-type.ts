import { listBoxes } from './boxes.ts';
import { isPicture, readTracks } from './tracks.ts';

/** The end of the major brand: a file starts with a box size, `ftyp` and the major brand, of four bytes each. */
export const fileTypeEnd = 12;

/** Major brands of still images and image sequences: HEIF, AVIF, Canon's raw files. */
const pictureBrands = new Set(
  'heic heix heim heis hevc hevx hevm hevs mif1 mif2 msf1 avif avis avio avci avcs jpeg jpgs crx'.split(' '),
);

/** Returns whether a file starts like an MP4 or another ISO file that may hold a video. */
export function isVideoFileType(bytes: Buffer): boolean {
  if (bytes.length < fileTypeEnd || bytes.toString('latin1', 4, 8) !== 'ftyp' || bytes.readUInt32BE(0) < 8)
    return false;
  return !pictureBrands.has(bytes.toString('latin1', 8, 12).trimEnd());
}

/**
 * Returns whether a file has no picture, judging by its first bytes: they contain the whole index, which lists sound and no
 * picture. Returns false when the index is incomplete.
 */
export function lacksPicture(bytes: Buffer): boolean {
  const movie = listBoxes(bytes).find(({ type }) => type === 'moov');
  if (movie === undefined || movie.end > bytes.length) return false;
  const tracks = readTracks(bytes, movie);
  return tracks.some(({ handler }) => handler === 'soun') && !tracks.some(isPicture);
}
