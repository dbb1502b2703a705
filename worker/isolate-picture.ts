import { type FileHandle, open } from 'node:fs/promises';
import { type Box, findBox, listBoxes, readBoxHeader } from '../src/mp4/boxes.ts';
import { readEditList } from '../src/mp4/edits.ts';
import { isPicture, readTracks } from '../src/mp4/tracks.ts';
import { chooseTrack } from './choose-track.ts';
import { correctHeaders } from './correct-headers.ts';
import { InvalidVideoError } from './invalid-video-error.ts';
import { movieIndexMaxBytes } from './limits.ts';

/** The facts of the shown video track that the file's index contains. */
export interface IsolatedPicture {
  /** The codec's tag: `avc1`, `apcn` ... */
  readonly sampleEntry: string;
  /** The duration by the sample table. Undefined for a fragmented file. */
  readonly indexedSeconds: number | undefined;
}

/**
 * Removes every track but the shown video track from an MP4. Renames, in the file itself, the boxes of the other tracks, of metadata
 * and of an edit list that cannot be true to `free`, which readers ignore, and corrects impossible header fields. FFmpeg then
 * opens only the decoder of this track and uses only its samples' durations. Rejects with InvalidVideoError when the file has no
 * video track or an encrypted one, which FFmpeg would report as the codec beneath. Resolves to undefined when the index is not
 * found: FFmpeg then decides.
 */
export async function isolatePicture(path: string): Promise<IsolatedPicture | undefined> {
  const file = await open(path, 'r+');
  try {
    const outermost = await listOutermost(file);
    const index = outermost.find(({ type }) => type === 'moov');
    if (index === undefined) return undefined;
    if (index.end - index.start > movieIndexMaxBytes)
      throw new InvalidVideoError('The index of the video is too large.');
    const bytes = Buffer.alloc(index.end - index.start);
    await file.read(bytes, 0, bytes.length, index.start);
    const picture = isolate(bytes);
    if (picture === undefined) return undefined;
    await file.write(bytes, 0, bytes.length, index.start);
    for (const { type, start } of outermost) {
      if (unwanted.has(type)) await file.write(free, 0, free.length, start + 4);
    }
    return picture;
  } finally {
    await file.close();
  }
}

const free = Buffer.from('free', 'latin1');
/** Boxes of metadata: covers, titles, still images. */
const unwanted = new Set(['meta', 'udta', 'uuid']);

/** Applies the changes to the bytes of a `moov` box. */
function isolate(bytes: Buffer): IsolatedPicture | undefined {
  const movie = readBoxHeader(bytes, 0, bytes.length);
  if (movie === undefined) return undefined;
  const tracks = readTracks(bytes, movie);
  if (tracks.length === 0) return undefined;
  const track = chooseTrack(tracks.filter(isPicture));
  if (track === undefined) throw new InvalidVideoError('The file has no picture.');
  if (track.isEncrypted) throw new InvalidVideoError('The video is encrypted.');
  for (const box of listBoxes(bytes, movie.body, movie.end)) {
    if (unwanted.has(box.type) || (box.type === 'trak' && box.start !== track.box.start)) erase(bytes, box);
  }
  // References point to removed tracks.
  for (const type of ['tref', 'udta', 'meta']) erase(bytes, findBox(bytes, track.box, type));
  const isFragmented = findBox(bytes, movie, 'mvex') !== undefined;
  correctHeaders(bytes, movie, track, isFragmented);
  const edits = isFragmented ? undefined : readEditList(bytes, movie, track);
  if (edits?.isTrue === false) erase(bytes, edits.box);
  const shownSeconds = edits?.isTrue === true ? edits.shownSeconds : track.seconds;
  return {
    sampleEntry: track.sampleEntries[0] ?? '',
    indexedSeconds: isFragmented ? undefined : Math.min(track.seconds, shownSeconds),
  };
}

function erase(bytes: Buffer, box: Box | undefined): void {
  if (box !== undefined) free.copy(bytes, box.start + 4);
}

/** Lists the top-level boxes by reading only their headers. */
async function listOutermost(file: FileHandle): Promise<Box[]> {
  const { size } = await file.stat();
  const header = Buffer.alloc(16);
  const boxes: Box[] = [];
  for (let at = 0; at + 8 <= size && boxes.length < outermostMax; ) {
    await file.read(header, 0, 16, at);
    const box = readBoxHeader(header, 0, size - at);
    if (box === undefined) break;
    boxes.push({ type: box.type, start: at, body: at + box.body, end: Math.min(at + box.end, size) });
    // Only fragments follow the first fragment, and there can be thousands.
    if (box.type === 'moof') break;
    at += box.end;
  }
  return boxes;
}

const outermostMax = 10_000;
