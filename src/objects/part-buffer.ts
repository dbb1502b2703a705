import { reservedBytesPerTickMin, slowTicksMax } from '../limits.ts';
import { openPartFilling } from './part-filling.ts';
import type { PartPages } from './part-pages.ts';
import { openUploadPace } from './upload-pace.ts';

export type PartBuffer = ReturnType<typeof openPartBuffer>;

interface PageBudget {
  readonly pages: PartPages;
  /** Called when pages were released. */
  onRelease(): void;
  /** Returns undefined when there are fewer free pages, or others wait for them. */
  tryToTake(count: number): number[] | undefined;
  /** This and `takePart` reject with the signal's reason, and then have not called `give`. */
  takePages(count: number, give: (pages: number[]) => void, signal: AbortSignal): Promise<void>;
  takePart(give: (pages: number[]) => void, signal: AbortSignal): Promise<void>;
  /** Called when the buffer needs no more pages. */
  onEnd(buffer: PartBuffer): void;
}

/** Opens the memory of one upload, in the states that `openPartBuffers` describes. Must be closed. */
export function openPartBuffer(budget: PageBudget, onEvict: () => void) {
  const filling = openPartFilling(budget.pages, budget.onRelease);
  const pace = openUploadPace();
  let kind: 'reserved' | 'slow' = 'reserved';
  let isReading = true;
  let isEvicted = false;
  let slowTicks = 0;

  const buffer = {
    ...filling,
    /** Counts bytes as received. Returns false if there is no room for them: wait for `waitForRoom`, then call it again. */
    receive(bytes: number): boolean {
      const missing = filling.missingPages(bytes);
      if (missing > 0) {
        const taken = budget.tryToTake(missing);
        if (taken === undefined) return false;
        filling.give(taken);
      }
      pace.count(bytes);
      return true;
    },
    waitForRoom: (bytes: number, signal: AbortSignal): Promise<void> =>
      budget.takePages(filling.missingPages(bytes), filling.give, signal),
    /** Resolves when the next part may begin. */
    async waitForPart(signal: AbortSignal): Promise<void> {
      if (kind === 'slow' && pace.bytesPerTick() < reservedBytesPerTickMin) return;
      const give = (pages: number[]) => {
        kind = 'reserved';
        filling.give(pages);
      };
      await budget.takePart(give, signal);
    },
    /** Call when reading the body pauses and resumes: the time in between does not make a client slow. */
    setReading(value: boolean): void {
      isReading = value;
      pace.pause();
    },
    /** Ends a tick. A reserved buffer whose client is too slow becomes slow: at once while others wait. */
    measure(isContended: boolean): void {
      if (!isReading) return;
      const received = pace.tick();
      if (received === undefined) return;
      slowTicks = received < reservedBytesPerTickMin ? slowTicks + 1 : 0;
      if (kind === 'slow' || slowTicks < (isContended ? 1 : slowTicksMax)) return;
      kind = 'slow';
      filling.releaseUnfilled();
    },
    evict(): void {
      isEvicted = true;
      onEvict();
    },
    /** Call when the body has ended: the buffer is no longer evicted. */
    endBody(): void {
      budget.onEnd(buffer);
      filling.releaseUnfilled();
    },
    close(): void {
      budget.onEnd(buffer);
      filling.discard();
      filling.releaseUnfilled();
    },
    isSlow: () => kind === 'slow',
    isEvicted: () => isEvicted,
    bytesPerTick: pace.bytesPerTick,
  };
  return buffer;
}
