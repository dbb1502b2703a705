import { type Box, findBox, listBoxes } from './boxes.ts';

/** A track as the index describes it. Offsets are into the bytes that were read. */
export interface Track {
  readonly box: Box;
  /** `vide` for a picture, `soun` for sound. Undefined when the file has none. */
  readonly handler: string | undefined;
  readonly isEnabled: boolean;
  /** The tags of the codecs: `avc1`, `hvc1`, `encv` ... */
  readonly sampleEntries: readonly string[];
  readonly isEncrypted: boolean;
  readonly samples: number;
  /** The total duration of the samples in the sample table. Samples in fragments are not counted. */
  readonly seconds: number;
  /** The same in the media's timescale. */
  readonly ticks: number;
}

export function isPicture({ handler }: Track): boolean {
  return handler === 'vide';
}

/** Returns the tracks of a `moov` box. Fields that cannot be read are treated as missing. */
export function readTracks(bytes: Buffer, movie: Box): Track[] {
  return listBoxes(bytes, movie.body, Math.min(movie.end, bytes.length))
    .filter(({ type, end }) => type === 'trak' && end <= bytes.length)
    .map((box) => readTrack(bytes, box));
}

function readTrack(bytes: Buffer, box: Box): Track {
  const flags = fieldReader(bytes, findBox(bytes, box, 'tkhd'))(0, 4);
  const table = findBox(bytes, box, 'mdia', 'minf', 'stbl');
  const entries = listSampleEntries(bytes, table);
  const samples = countSamples(bytes, table);
  const timescale = readMediaTimescale(bytes, box);
  const ticks = sumDurations(bytes, table, samples);
  return {
    box,
    handler: readHandler(bytes, box),
    isEnabled: ((flags ?? 1) & 1) === 1,
    sampleEntries: entries.map(({ type }) => type),
    isEncrypted: entries.some((entry) => encryptedEntries.has(entry.type)),
    samples,
    seconds: timescale > 0 ? ticks / timescale : 0,
    ticks,
  };
}

const encryptedEntries = new Set(['encv', 'enca', 'drmi', 'drms']);

function readHandler(bytes: Buffer, track: Box): string | undefined {
  const handler = findBox(bytes, track, 'mdia', 'hdlr');
  if (handler !== undefined && handler.body + 12 <= handler.end) {
    return bytes.toString('latin1', handler.body + 8, handler.body + 12);
  }
  return findBox(bytes, track, 'mdia', 'minf', 'vmhd') === undefined ? undefined : 'vide';
}

function readMediaTimescale(bytes: Buffer, track: Box): number {
  const read = fieldReader(bytes, findBox(bytes, track, 'mdia', 'mdhd'));
  return read(read(0, 1) === 1 ? 20 : 12, 4) ?? 0;
}

function listSampleEntries(bytes: Buffer, table: Box | undefined): Box[] {
  const descriptions = table && findBox(bytes, table, 'stsd');
  return descriptions === undefined ? [] : listBoxes(bytes, descriptions.body + 8, descriptions.end);
}

function countSamples(bytes: Buffer, table: Box | undefined): number {
  const sizes = table && (findBox(bytes, table, 'stsz') ?? findBox(bytes, table, 'stz2'));
  return fieldReader(bytes, sizes)(8, 4) ?? 0;
}

function sumDurations(bytes: Buffer, table: Box | undefined, samples: number): number {
  const times = table && findBox(bytes, table, 'stts');
  let [sum, left] = [0, samples];
  for (let at = (times?.body ?? 0) + 8; times !== undefined && at + 8 <= times.end && left > 0; at += 8) {
    const count = Math.min(bytes.readUInt32BE(at), left);
    // Values above half of the range are negative numbers of faulty writers.
    sum += count * Math.max(0, bytes.readInt32BE(at + 4));
    left -= count;
  }
  return sum;
}

/** Returns a reader of unsigned fields by their offset after the header. It returns undefined for fields beyond the box. */
export function fieldReader(bytes: Buffer, box: Box | undefined) {
  return (offset: number, size: 1 | 4 | 8): number | undefined => {
    if (box === undefined || box.body + offset + size > Math.min(box.end, bytes.length)) return undefined;
    const at = box.body + offset;
    if (size === 8) return Number(bytes.readBigUInt64BE(at));
    return size === 4 ? bytes.readUInt32BE(at) : bytes.readUInt8(at);
  };
}
