import { type Clock, systemClock } from '../clock.ts';
import { uploadCheckMs, uploadFloorBytes, uploadFloorWindowMs, uploadStallMs } from '../limits.ts';

interface UploadWatchOptions {
  /** Returns whether reading the body is paused. The time of a pause does not count against the client. */
  isPaused: () => boolean;
  /** Called at every check, because the server ends a connection that is idle or slow for 8 to 12 s. */
  renewIdleTimeout: () => void;
  /** Called once, when no byte arrived for `uploadStallMs`, or fewer than `uploadFloorBytes` within the window. */
  onLate: (reason: 'stalled' | 'slow') => void;
}

/** Checks the pace at which a body arrives, until `stop`. */
export function watchUpload(options: UploadWatchOptions, clock: Clock = systemClock) {
  let receivedBytes = 0;
  let lastByteMs = clock.now();
  let samples = [{ atMs: lastByteMs, receivedBytes }];
  let isStopped = false;

  function check(): void {
    if (isStopped) return;
    const reason = options.isPaused() ? restart() : measure(clock.now());
    if (reason === undefined) {
      clock.startTimer(uploadCheckMs, check);
      return;
    }
    isStopped = true;
    options.onLate(reason);
  }

  function restart(): undefined {
    lastByteMs = clock.now();
    samples = [];
  }

  function measure(now: number): 'stalled' | 'slow' | undefined {
    options.renewIdleTimeout();
    if (now - lastByteMs >= uploadStallMs) return 'stalled';
    samples.push({ atMs: now, receivedBytes });
    for (let first = samples[0]; first !== undefined && now - first.atMs >= uploadFloorWindowMs; first = samples[0]) {
      if (receivedBytes - first.receivedBytes < uploadFloorBytes) return 'slow';
      samples.shift();
    }
    return undefined;
  }

  clock.startTimer(uploadCheckMs, check);
  return {
    count(bytes: number): void {
      receivedBytes += bytes;
      lastByteMs = clock.now();
    },
    stop(): void {
      isStopped = true;
    },
  };
}
