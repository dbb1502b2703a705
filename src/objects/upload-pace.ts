import { reservedBytesPerTickMin, uploadPaceTicks } from '../limits.ts';

/** The bytes that an upload receives in a tick, on average. A tick in which it was paused for a moment counts only if much was received. */
export function openUploadPace() {
  let tickBytes = 0;
  let ticks = 0;
  let average = 0;
  let wasPaused = true;

  return {
    count(bytes: number): void {
      tickBytes += bytes;
    },
    pause(): void {
      wasPaused = true;
    },
    /** Returns what was received since the last tick; undefined when that does not count. */
    tick(): number | undefined {
      const bytes = wasPaused && tickBytes < reservedBytesPerTickMin ? undefined : tickBytes;
      tickBytes = 0;
      wasPaused = false;
      if (bytes === undefined) return undefined;
      ticks += 1;
      average += (bytes - average) / Math.min(ticks, uploadPaceTicks);
      return bytes;
    },
    bytesPerTick: () => average,
  };
}
