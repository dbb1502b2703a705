import { heldBytesMax, heldBytesPerUploadMax } from '../limits.ts';

/** Counts what all uploads of this process hold of bodies that have arrived and are not read yet. */
export interface HeldBytes {
  held: number;
}

/** Copies of chunks, counted until they are taken or dropped. */
export function openHeldChunks(heldBytes: HeldBytes) {
  let chunks: Buffer[] = [];
  let bytes = 0;

  function count(change: number): void {
    bytes += change;
    heldBytes.held += change;
  }

  function hasRoom(chunk: Buffer): boolean {
    return bytes + chunk.length <= heldBytesPerUploadMax && heldBytes.held + chunk.length <= heldBytesMax;
  }

  return {
    /** False when there is no room; the chunk is not kept then. An empty one only ends the body, and is kept for that. */
    keep(chunk: Buffer): boolean {
      if (!hasRoom(chunk)) return false;
      chunks.push(Buffer.from(chunk));
      count(chunk.length);
      return true;
    },
    /** As `keep`, before the chunks that are kept already. */
    keepFirst(chunk: Buffer): boolean {
      if (!hasRoom(chunk)) return false;
      chunks.unshift(Buffer.from(chunk));
      count(chunk.length);
      return true;
    },
    takeFirst(): Buffer | undefined {
      const chunk = chunks.shift();
      if (chunk !== undefined) count(-chunk.length);
      return chunk;
    },
    isEmpty: () => chunks.length === 0,
    drop(): void {
      chunks = [];
      count(-bytes);
    },
  };
}
