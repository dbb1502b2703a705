import type { Track } from '../src/mp4/tracks.ts';

/**
 * Returns the video track that media players show. Prefers, in this order: a film to a thumbnail or cover (which some writers
 * enable), an enabled track, a codec of films, the longest track, the first one.
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

/** Tracks of one recording that differ by less are equally long. */
const lengthToleranceSeconds = 1;

/** Returns whether a sample entry's tag belongs to an accepted codec. */
export function hasFilmCodec(tag = ''): boolean {
  return /^(avc[1-4]|hvc1|hev1|dv(a1|av|h1|he)|mp4v|vp09|av01|encv)$/.test(tag);
}
