import { type Clock, systemClock } from '../clock.ts';
import { partBytes, reservedPartPages, slowPagesShare, uploadPaceTickMs } from '../limits.ts';
import { openPageQueue, type PageQueue } from './page-queue.ts';
import { openPartBuffer, type PartBuffer } from './part-buffer.ts';
import { openPartPages } from './part-pages.ts';

export type PartBuffers = ReturnType<typeof openPartBuffers>;

/**
 * Opens the memory for the uploads of a process: pages from one bounded budget. The buffer of an upload is in one of four states:
 *
 *   waiting   Needs pages, and its socket is paused. Requests for a few pages are served before requests for a whole part, and each
 *             kind in the order of arrival.
 *   reserved  Has the pages of a whole part, and room after it for the chunk that completes it. Every upload begins in this state.
 *             A client that sends less than `reservedBytesPerTickMin` between two ticks makes its buffer slow: at once while
 *             another upload waits for a whole part, else after `slowTicksMax` such ticks in a row.
 *   slow      Releases the pages that it has not filled, and takes single pages as chunks arrive, so that a slow client costs what
 *             it has sent. When a part is complete and the client has become faster, the next part is reserved.
 *   evicted   Its upload is aborted to make room. Its pages are free when the upload has ended.
 *
 * The pages of a complete part belong to the part until S3 has stored it, whatever happens to the buffer. While any buffer waits,
 * the slow ones together hold at most `slowPagesShare` of the budget: the slowest are evicted until they do. The slowest is the
 * one with the largest product of pages and time until its part is complete, so that few uploads are aborted, and none that is
 * nearly done.
 *
 * So no buffer waits without end. A reserved one completes its part, or becomes slow at one of the next ticks. A part is released
 * when S3 has stored it, or when the deadline of its call is over. The slow ones leave the rest of the budget to others, which is
 * room for several whole parts. Within their own share, a slow one gets its pages from evicted ones.
 */
export function openPartBuffers(pageCount: number, clock: Clock = systemClock) {
  const pages = openPartPages(pageCount);
  const forPages = openPageQueue(pages);
  const forParts = openPageQueue(pages);
  const filling = new Set<PartBuffer>();
  const slowPagesMax = Math.floor(pageCount * slowPagesShare);
  let isTicking = false;

  function serve(): void {
    forPages.serve();
    if (forPages.waiting() === 0) forParts.serve();
  }

  async function wait(queue: PageQueue, count: number, give: (pages: number[]) => void, signal: AbortSignal) {
    const taken = queue.take(count, give, signal);
    makeRoom();
    await taken;
  }

  /** Evicts the slowest buffers until the slow ones hold no more than their share. Does nothing while no buffer waits. */
  function makeRoom(): void {
    if (forPages.waiting() + forParts.waiting() === 0) return;
    for (;;) {
      const slow = [...filling].filter((buffer) => buffer.isSlow() && !buffer.isEvicted());
      const heldPages = slow.reduce((sum, buffer) => sum + buffer.heldPages(), 0);
      if (heldPages + forPages.nextWants() <= slowPagesMax) return;
      const slowest = findSlowest(slow);
      if (slowest === undefined) return;
      slowest.evict();
    }
  }

  function startTick(): void {
    if (isTicking || filling.size === 0) return;
    isTicking = true;
    // Sockets are read before the tick, so that the clients of a process that was busy for a while do not count as slow.
    clock.startTimer(uploadPaceTickMs, () => setImmediate(tick));
  }

  function tick(): void {
    isTicking = false;
    for (const buffer of filling) buffer.measure(forParts.waiting() > 0);
    serve();
    makeRoom();
    startTick();
  }

  const budget = {
    pages,
    onRelease: serve,
    tryToTake: (count: number) => (forPages.waiting() === 0 ? pages.take(count) : undefined),
    takePages: wait.bind(undefined, forPages),
    takePart: wait.bind(undefined, forParts, reservedPartPages),
    onEnd: (buffer: PartBuffer) => void filling.delete(buffer),
  };

  return {
    /**
     * Resolves when the upload may begin. Rejects with the signal's reason, and then holds nothing.
     *
     * @param onEvict Must abort the upload, and close its buffer.
     */
    async acquire(signal: AbortSignal, onEvict: () => void): Promise<PartBuffer> {
      const buffer = openPartBuffer(budget, onEvict);
      await buffer.waitForPart(signal);
      filling.add(buffer);
      startTick();
      return buffer;
    },
    /** Returns the pages in use, including those of parts that S3 has not stored yet. */
    inUse: pages.inUse,
    waiting: () => forPages.waiting() + forParts.waiting(),
  };
}

/** Returns the buffer with the largest product of pages and time until its part is complete. */
function findSlowest(buffers: readonly PartBuffer[]): PartBuffer | undefined {
  let slowest: PartBuffer | undefined;
  let mostPageTicks = 0;
  for (const buffer of buffers) {
    const ticksToEnd = Math.max(0, partBytes - buffer.filledBytes()) / (buffer.bytesPerTick() + 1);
    const pageTicks = buffer.heldPages() * ticksToEnd;
    if (pageTicks <= mostPageTicks) continue;
    slowest = buffer;
    mostPageTicks = pageTicks;
  }
  return slowest;
}
