import { type FileHandle, open } from 'node:fs/promises';
import { movieIndexMaxBytes } from '../src/limits.ts';
import { type Box, findBox, listBoxes, readBoxHeader } from '../src/mp4/boxes.ts';
import { readEditList } from '../src/mp4/edits.ts';
import { isPicture, readTracks } from '../src/mp4/tracks.ts';
import { chooseTrack } from './choose-track.ts';
import { correctHeaders } from './correct-headers.ts';
import { InvalidVideoError } from './invalid-video-error.ts';

/** What the file's index says of the picture that is shown. */
export interface IsolatedPicture {
  /** The codec's tag: `avc1`, `apcn` ... */
  readonly sampleEntry: string;
  /** How long it is by its sample table. Undefined where that is spread over fragments. */
  readonly indexedSeconds: number | undefined;
}

/**
 * Leaves one track in an MP4: the picture that players show. In the file itself, every other track, the metadata and an edit
 * list that cannot be true are renamed to `free`, which is space without meaning, and impossible fields of the headers are
 * corrected. FFmpeg then opens no decoder but the picture's, and believes no duration but that of the samples.
 * Rejects with InvalidVideoError when there is no picture or it is encrypted, which FFmpeg would hide: it names the codec beneath.
 * Resolves to undefined for a file whose index cannot be found: FFmpeg decides.
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
/** Covers, titles, still pictures: nothing of it is shown. */
const unwanted = new Set(['meta', 'udta', 'uuid']);

/** Changes the bytes of a `moov` box. */
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
  // References lead to tracks that are gone.
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

/** Goes from header to header: what the boxes hold is not read. */
async function listOutermost(file: FileHandle): Promise<Box[]> {
  const { size } = await file.stat();
  const header = Buffer.alloc(16);
  const boxes: Box[] = [];
  for (let at = 0; at + 8 <= size && boxes.length < outermostMax; ) {
    await file.read(header, 0, 16, at);
    const box = readBoxHeader(header, 0, size - at);
    if (box === undefined) break;
    boxes.push({ type: box.type, start: at, body: at + box.body, end: Math.min(at + box.end, size) });
    // A fragment's boxes come by the thousand, and behind the first nothing but fragments.
    if (box.type === 'moof') break;
    at += box.end;
  }
  return boxes;
}

const outermostMax = 10_000;
