import { partBytes, socketChunkMaxBytes } from '../limits.ts';

export type PartBuffers = ReturnType<typeof openPartBuffers>;

/**
 * The budget of memory for uploads: `count` buffers, lent in the order they were asked for and used again and again.
 * Each has room for a part and, behind it, for the one chunk that fills it up, so that a chunk never has to be split.
 */
export function openPartBuffers(count: number) {
  const idle: Buffer[] = [];
  const waiting: ((buffer: Buffer) => void)[] = [];
  let made = 0;

  function take(): Buffer | undefined {
    const buffer = idle.pop();
    if (buffer !== undefined || made >= count) return buffer;
    made += 1;
    return Buffer.allocUnsafeSlow(partBytes + socketChunkMaxBytes);
  }

  return {
    /** Rejects with the signal's reason, and then holds no buffer. */
    acquire(signal: AbortSignal): Promise<Buffer> {
      if (signal.aborted) return Promise.reject(signal.reason);
      const buffer = take();
      if (buffer !== undefined) return Promise.resolve(buffer);
      return new Promise((resolve, reject) => {
        const abandon = () => {
          waiting.splice(waiting.indexOf(lend), 1);
          reject(signal.reason);
        };
        const lend = (lent: Buffer) => {
          signal.removeEventListener('abort', abandon);
          resolve(lent);
        };
        waiting.push(lend);
        signal.addEventListener('abort', abandon, { once: true });
      });
    },
    release(buffer: Buffer): void {
      const next = waiting.shift();
      if (next === undefined) idle.push(buffer);
      else next(buffer);
    },
    inUse: () => made - idle.length,
    waiting: () => waiting.length,
  };
}
