/** A box of an MP4, by offsets into the bytes that were read. */
export interface Box {
  readonly type: string;
  readonly start: number;
  /** The first byte after the header. */
  readonly body: number;
  readonly end: number;
}

/** The limit of boxes in one level, which a hostile file could repeat without end. */
const boxesPerLevelMax = 10_000;

/**
 * Returns the consecutive boxes in `bytes` from `start` to `end`. The last box may be truncated: its `end` is then beyond the bytes.
 * Stops at the first bytes that are no box.
 */
export function listBoxes(bytes: Buffer, start = 0, end = bytes.length): Box[] {
  const boxes: Box[] = [];
  for (let at = start; at + 8 <= end && boxes.length < boxesPerLevelMax; ) {
    const box = readBoxHeader(bytes, at, end);
    if (box === undefined) break;
    boxes.push(box);
    at = box.end;
  }
  return boxes;
}

/** Reads one box header. `end` is the end of a box whose size is 0, which means "up to the end". */
export function readBoxHeader(bytes: Buffer, at: number, end: number): Box | undefined {
  if (at + 8 > bytes.length) return undefined;
  const type = bytes.toString('latin1', at + 4, at + 8);
  const shortSize = bytes.readUInt32BE(at);
  if (shortSize === 0) return { type, start: at, body: at + 8, end };
  if (shortSize !== 1) return shortSize < 8 ? undefined : { type, start: at, body: at + 8, end: at + shortSize };
  if (at + 16 > bytes.length) return undefined;
  const longSize = Number(bytes.readBigUInt64BE(at + 8));
  return longSize < 16 ? undefined : { type, start: at, body: at + 16, end: at + longSize };
}

/** Returns the box at a path of types within `parent`. Skips truncated boxes. */
export function findBox(bytes: Buffer, parent: Pick<Box, 'body' | 'end'>, ...path: string[]): Box | undefined {
  let found: Pick<Box, 'body' | 'end'> = parent;
  for (const type of path) {
    const { body, end } = found;
    const next = listBoxes(bytes, body, Math.min(end, bytes.length)).find((box) => box.type === type);
    if (next === undefined || next.end > bytes.length) return undefined;
    found = next;
  }
  return found === parent ? undefined : (found as Box);
}
