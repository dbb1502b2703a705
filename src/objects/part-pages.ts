import assert from 'node:assert/strict';
import { partPageBytes, reservedPartPages } from '../limits.ts';

export type PartPages = ReturnType<typeof openPartPages>;

/**
 * Opens the pages of one block of memory, by number. The system provides memory for a page when the page is first used. A whole part
 * gets adjacent pages if there are any, so that it is sent in one piece. Single pages are taken from the other end, so that they do
 * not fragment the free pages.
 */
export function openPartPages(count: number) {
  const memory = Buffer.allocUnsafeSlow(count * partPageBytes);
  const isTaken = new Uint8Array(count);
  let free = count;

  /** Returns the pages in ascending order, or undefined when fewer are free. */
  function take(wanted: number): number[] | undefined {
    if (wanted > free) return undefined;
    const first = wanted === reservedPartPages ? findSlot() : -1;
    const pages = first === -1 ? takeFromEnd(wanted) : Array.from({ length: wanted }, (_, i) => first + i);
    for (const page of pages) isTaken[page] = 1;
    free -= wanted;
    return pages;
  }

  /** Returns the first page of a free slot, or -1. Slots begin at fixed pages, so that pages in the processor's cache are reused. */
  function findSlot(): number {
    for (let first = 0; first + reservedPartPages <= count; first += reservedPartPages) {
      const taken = isTaken.indexOf(1, first);
      if (taken === -1 || taken >= first + reservedPartPages) return first;
    }
    return -1;
  }

  function takeFromEnd(wanted: number): number[] {
    const pages: number[] = [];
    let at = count;
    while (pages.length < wanted) {
      at = isTaken.lastIndexOf(0, at - 1);
      assert(at !== -1, 'as many pages are free as are counted');
      pages.unshift(at);
    }
    return pages;
  }

  function release(pages: readonly number[]): void {
    for (const page of pages) {
      assert(isTaken[page] === 1, 'a page is released once');
      isTaken[page] = 0;
    }
    free += pages.length;
  }

  /** Copies `bytes` after the first `filledBytes` of these pages, which must have room. */
  function write(pages: readonly number[], filledBytes: number, bytes: Buffer): void {
    let from = 0;
    while (from < bytes.length) {
      const at = filledBytes + from;
      let i = Math.floor(at / partPageBytes);
      const page = pages[i];
      assert(page !== undefined, 'a chunk is written where there is room');
      const offset = at % partPageBytes;
      let to = from + partPageBytes - offset;
      for (; to < bytes.length && pages[i + 1] === (pages[i] as number) + 1; i += 1) to += partPageBytes;
      bytes.copy(memory, page * partPageBytes + offset, from, Math.min(to, bytes.length));
      from = to;
    }
  }

  /** Returns the first `bytes` of these pages, with adjacent pages joined into one piece. */
  function read(pages: readonly number[], bytes: number): Buffer[] {
    const pieces: Buffer[] = [];
    const used = Math.ceil(bytes / partPageBytes);
    for (let i = 0; i < used; ) {
      const start = i;
      do i += 1;
      while (i < used && pages[i] === (pages[i - 1] as number) + 1);
      const at = (pages[start] as number) * partPageBytes;
      const length = Math.min(i * partPageBytes, bytes) - start * partPageBytes;
      pieces.push(memory.subarray(at, at + length));
    }
    return pieces;
  }

  return { take, release, write, read, free: () => free, inUse: () => count - free, count };
}
