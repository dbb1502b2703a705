/** A box of an MP4 by its offsets in the bytes that were walked. */
export interface Box {
  readonly type: string;
  readonly start: number;
  /** Behind the header. */
  readonly body: number;
  readonly end: number;
}

/** A file of hostile make has boxes without number. */
const boxesPerLevelMax = 10_000;

/**
 * Returns the boxes that stand one behind the other in `bytes` from `start` to `end`. The last one may be cut off: its `end`
 * is then past the bytes there are. Stops at whatever is no box.
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

/** Reads one box header. `end` is where a box ends whose size is 0, which means "up to the end". */
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

/** Returns the box that a path of types leads to from within `parent`. Only boxes that are whole are entered. */
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
