import { heldBytesMax, heldBytesPerUploadMax } from '../limits.ts';

/** Counts the bytes of request bodies that all uploads of this process hold unread. */
export interface HeldBytes {
  held: number;
}

/** Opens a queue of copied chunks, whose bytes are counted until they are taken or dropped. */
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
    /** Appends a chunk. Returns false, and does not keep it, when there is no room. An empty chunk is kept: it ends the body. */
    keep(chunk: Buffer): boolean {
      if (!hasRoom(chunk)) return false;
      chunks.push(Buffer.from(chunk));
      count(chunk.length);
      return true;
    },
    /** Does the same as `keep`, before the other chunks. */
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
