import { partBytes, partPageBytes } from '../limits.ts';
import { extendCrc32 } from './checksum.ts';
import type { PartPages } from './part-pages.ts';

/** A complete part, whose pages stay in use until `release`. */
export interface FilledPart {
  readonly pieces: readonly Buffer[];
  readonly crc32: number;
  /** Must be called once. */
  release(): void;
}

/** Opens pages that are filled with one part after the other. `openPartBuffer` decides when pages are added and released. */
export function openPartFilling(pages: PartPages, onRelease: () => void) {
  let held: number[] = [];
  let filledBytes = 0;
  let crc32 = 0;

  /** Appends bytes and updates the checksum while the bytes are in the processor's cache. */
  function append(bytes: Buffer): void {
    pages.write(held, filledBytes, bytes);
    filledBytes += bytes.length;
    crc32 = extendCrc32(crc32, bytes);
  }

  function takePart(): FilledPart {
    releaseUnfilled();
    const taken = held;
    const part = { pieces: pages.read(taken, filledBytes), crc32, release: () => release(taken) };
    held = [];
    discard();
    return part;
  }

  function release(released: number[]): void {
    pages.release(released);
    onRelease();
  }

  /** Drops the filled bytes, and keeps the pages. */
  function discard(): void {
    filledBytes = 0;
    crc32 = 0;
  }

  function releaseUnfilled(): void {
    const unfilled = held.splice(Math.ceil(filledBytes / partPageBytes));
    if (unfilled.length > 0) release(unfilled);
  }

  return {
    append,
    takePart,
    discard,
    releaseUnfilled,
    give: (more: readonly number[]) => void held.push(...more),
    /** Returns the number of pages that are missing for so many more bytes. */
    missingPages: (bytes: number) => Math.max(0, Math.ceil((filledBytes + bytes) / partPageBytes) - held.length),
    /** Returns the bytes of the part being filled in one piece: the object's first bytes until the first part is taken. */
    filled(): Buffer {
      const [first, ...others] = pages.read(held, filledBytes);
      return first !== undefined && others.length === 0 ? first : Buffer.concat(pages.read(held, filledBytes));
    },
    isFull: () => filledBytes >= partBytes,
    filledBytes: () => filledBytes,
    heldPages: () => held.length,
  };
}
