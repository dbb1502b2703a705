/** Receives data before the delimiter: the bytes of `bytes` from `from` to `to`. */
export type OnData = (bytes: Buffer, from: number, to: number) => void;

/**
 * Searches chunks for the delimiter, which is CR LF `--` boundary. CR occurs only as its first byte. When a chunk ends within a
 * possible delimiter, the number of matched bytes is therefore all the state: if the next chunk does not continue the delimiter,
 * the matched bytes were data, and none of them can begin another delimiter. They are then reported from the delimiter itself, so
 * that no byte is kept or copied.
 */
export function createDelimiterSearch(boundary: string, onData: OnData) {
  const delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  // The first boundary may start the body without a line end before it, so the line end counts as matched.
  let matched = 2;
  let isFound = false;

  /** Searches for the next delimiter or to the end of the chunk. Returns the position at which to continue. */
  function search(chunk: Buffer, start: number): number {
    isFound = false;
    if (matched > 0) {
      const next = continueMatch(chunk, start);
      if (next > start) return next;
    }
    const at = chunk.indexOf(delimiter, start);
    if (at === -1) return matchTail(chunk, start);
    onData(chunk, start, at);
    isFound = true;
    return at + delimiter.length;
  }

  /** Continues a delimiter from an earlier chunk. When it does not match, reports its bytes as data and returns `start`. */
  function continueMatch(chunk: Buffer, start: number): number {
    const length = Math.min(delimiter.length - matched, chunk.length - start);
    if (chunk.compare(delimiter, matched, matched + length, start, start + length) !== 0) {
      onData(delimiter, 0, matched);
      matched = 0;
      return start;
    }
    matched += length;
    isFound = matched === delimiter.length;
    if (isFound) matched = 0;
    return start + length;
  }

  /** Reports a chunk without a whole delimiter as data, except for a tail that may begin a delimiter. */
  function matchTail(chunk: Buffer, from: number): number {
    const tailStart = Math.max(from, chunk.length - delimiter.length + 1);
    const cr = chunk.lastIndexOf(13);
    const length = chunk.length - cr;
    if (cr >= tailStart && chunk.compare(delimiter, 0, length, cr, chunk.length) === 0) {
      onData(chunk, from, cr);
      matched = length;
    } else {
      onData(chunk, from, chunk.length);
    }
    return chunk.length;
  }

  return { search, isFound: () => isFound };
}
