export interface Box {
  readonly type: string;
  readonly start: number;
  readonly end: number;
}

const containers = new Set(['moov', 'trak', 'mdia', 'minf', 'dinf', 'stbl', 'edts', 'udta', 'mvex', 'moof', 'traf']);

/** Lists every box of an MP4, nested ones included, in file order. */
export function listBoxes(bytes: Buffer, start = 0, end = bytes.length): Box[] {
  const boxes: Box[] = [];
  for (let at = start; at + 8 <= end; ) {
    const size = bytes.readUInt32BE(at);
    const type = bytes.toString('latin1', at + 4, at + 8);
    const boxEnd = size === 0 ? end : Math.min(end, at + size);
    if (boxEnd < at + 8) break;
    boxes.push({ type, start: at, end: boxEnd });
    if (containers.has(type)) boxes.push(...listBoxes(bytes, at + 8, boxEnd));
    at = boxEnd;
  }
  return boxes;
}

/** Returns the file truncated at the start, in the header and in the middle of each of its boxes. */
export function truncations(bytes: Buffer): Buffer[] {
  const places = listBoxes(bytes).flatMap(({ start, end }) => [start, start + 6, Math.floor((start + end) / 2)]);
  return [...new Set(places)].filter((place) => place >= 32).map((place) => bytes.subarray(0, place));
}
