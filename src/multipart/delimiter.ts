/** Told of bytes before the delimiter: those of `bytes` from `from` to `to`. */
export type Tell = (bytes: Buffer, from: number, to: number) => void;

/**
 * Looks for CR LF `--` boundary over chunks. CR occurs in it only as its first byte. So when a chunk ends in the middle of
 * what may be a delimiter, how many of its bytes have matched says all: should the next chunk not go on with it, those
 * bytes were data, and none of them can begin another delimiter. They are then told from the delimiter itself, and no byte
 * is ever kept or copied here.
 */
export function createDelimiterSearch(boundary: string, tell: Tell) {
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  // The first boundary may stand at the very beginning, without the line end before it: as if that had been seen.
  let matched = 2;
  let isFound = false;

  /** Up to and with the next delimiter, or to the end of the chunk; returns where to go on. */
  function search(chunk: Buffer, start: number): number {
    isFound = false;
    if (matched > 0) {
      const next = goOn(chunk, start);
      if (next > start) return next;
    }
    const at = chunk.indexOf(delimiter, start);
    if (at === -1) return holdTail(chunk, start);
    tell(chunk, start, at);
    isFound = true;
    return at + delimiter.length;
  }

  /** A delimiter begun in an earlier chunk: goes on with it, or tells that those bytes were data and stays at `start`. */
  function goOn(chunk: Buffer, start: number): number {
    const length = Math.min(delimiter.length - matched, chunk.length - start);
    if (chunk.compare(delimiter, matched, matched + length, start, start + length) !== 0) {
      tell(delimiter, 0, matched);
      matched = 0;
      return start;
    }
    matched += length;
    isFound = matched === delimiter.length;
    if (isFound) matched = 0;
    return start + length;
  }

  /** No whole delimiter in sight: everything is data but a tail that may begin one. */
  function holdTail(chunk: Buffer, from: number): number {
    const tailStart = Math.max(from, chunk.length - delimiter.length + 1);
    const cr = chunk.lastIndexOf(13);
    const length = chunk.length - cr;
    if (cr >= tailStart && chunk.compare(delimiter, 0, length, cr, chunk.length) === 0) {
      tell(chunk, from, cr);
      matched = length;
    } else {
      tell(chunk, from, chunk.length);
    }
    return chunk.length;
  }

  return { search, isFound: () => isFound };
}
