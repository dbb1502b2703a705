import type { Track } from '../src/mp4/tracks.ts';

/**
 * Returns the picture that players show: a film before a thumbnail or cover, which some writers mark as the picture to show,
 * then an enabled one before a disabled one, a codec that films have before another, the longest, the first.
 */
export function chooseTrack(pictures: readonly Track[]): Track | undefined {
  const longest = Math.max(...pictures.map(({ seconds }) => seconds));
  const films = pictures.filter((track) => !isThumbnail(track, longest));
  return (films.length > 0 ? films : pictures).reduce<Track | undefined>(
    (best, track) => (best === undefined || isBetter(track, best) ? track : best),
    undefined,
  );
}

function isThumbnail({ samples, seconds }: Track, longest: number): boolean {
  return samples === 1 || (seconds < thumbnailMaxSeconds && seconds < longest / 10);
}

const thumbnailMaxSeconds = 0.5;

function isBetter(track: Track, other: Track): boolean {
  if (track.isEnabled !== other.isEnabled) return track.isEnabled;
  const [isFilm, isOtherFilm] = [hasFilmCodec(track.sampleEntries[0]), hasFilmCodec(other.sampleEntries[0])];
  if (isFilm !== isOtherFilm) return isFilm;
  return track.seconds > other.seconds + lengthToleranceSeconds;
}

/** Two cameras of one recording do not stop at the same instant. */
const lengthToleranceSeconds = 1;

/** Whether a sample entry's tag is one under which the accepted codecs go. */
export function hasFilmCodec(tag = ''): boolean {
  return /^(avc[1-4]|hvc1|hev1|dv(a1|av|h1|he)|mp4v|vp09|av01|encv)$/.test(tag);
}
