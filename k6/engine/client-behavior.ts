import { setTimeout as sleep } from 'node:timers/promises';

/** Client behavior that k6 itself does not have: slow uploads, aborted uploads, and arrivals at random times. */
export interface ClientBehavior {
  /** The share of iterations that send their body slowly, and their rate. */
  slowShare: number;
  slowBytesPerSecond: number;
  /** The share of iterations that abort their body halfway. */
  abortShare: number;
  /** Whether arrivals are random at the configured rate, instead of evenly spaced. */
  hasRandomArrivals: boolean;
}

export const defaultBehavior: ClientBehavior = {
  slowShare: 0,
  slowBytesPerSecond: 0,
  abortShare: 0,
  hasRandomArrivals: false,
};

export type BehaviorName = 'ordinary' | 'slow' | 'aborting';

/** Thrown when a client aborted its upload on purpose, which is neither a response nor a failure. */
export class ClientAborted extends Error {
  constructor() {
    super('The client aborted its upload');
    this.name = 'ClientAborted';
  }
}

const slicesPerSecond = 4;

/** Chooses the behavior of an iteration. Shares are spread evenly and are the same in every run. */
export function chooseBehavior(
  { slowShare, abortShare }: Pick<ClientBehavior, 'slowShare' | 'abortShare'>,
  iteration: number,
): BehaviorName {
  if (isSelected(slowShare, iteration)) return 'slow';
  return isSelected(abortShare, iteration + 1) ? 'aborting' : 'ordinary';
}

function isSelected(share: number, iteration: number): boolean {
  return Math.floor((iteration + 1) * share) > Math.floor(iteration * share);
}

export async function* sendSlowly(body: AsyncIterable<Uint8Array>, bytesPerSecond: number): AsyncGenerator<Uint8Array> {
  const sliceBytes = Math.max(1, Math.floor(bytesPerSecond / slicesPerSecond));
  for await (const chunk of body) {
    for (let from = 0; from < chunk.length; from += sliceBytes) {
      yield chunk.subarray(from, from + sliceBytes);
      await sleep(1000 / slicesPerSecond);
    }
  }
}

/** Yields half of the body and then calls `abort`. */
export async function* abortHalfway(
  body: AsyncIterable<Uint8Array>,
  bytes: number,
  abort: () => void,
): AsyncGenerator<Uint8Array> {
  let sent = 0;
  for await (const chunk of body) {
    if (sent >= bytes / 2) return abort();
    sent += chunk.length;
    yield chunk;
  }
  abort();
}
