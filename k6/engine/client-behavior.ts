import { setTimeout as sleep } from 'node:timers/promises';

/** How clients behave who are not as fast and as patient as a generator; k6 itself has no such thing. */
export interface ClientBehavior {
  /** Of all iterations, those whose body trickles, and how fast. */
  slowShare: number;
  slowBytesPerSecond: number;
  /** Those that leave in the middle of their body. */
  abortShare: number;
  /** Whether arrivals come at random moments at the rate asked for, instead of evenly. */
  areScattered: boolean;
}

export const patient: ClientBehavior = { slowShare: 0, slowBytesPerSecond: 0, abortShare: 0, areScattered: false };

export type BehaviorName = 'ordinary' | 'slow' | 'leaving';

/** A client that left on purpose: neither an answer nor a failure. */
export class ClientLeft extends Error {
  constructor() {
    super('The client left in the middle of its body');
    this.name = 'ClientLeft';
  }
}

const slicesPerSecond = 4;

/** Spread evenly over the iterations, the same in every run. */
export function chooseBehavior(
  { slowShare, abortShare }: Pick<ClientBehavior, 'slowShare' | 'abortShare'>,
  iteration: number,
): BehaviorName {
  if (falls(slowShare, iteration)) return 'slow';
  return falls(abortShare, iteration + 1) ? 'leaving' : 'ordinary';
}

function falls(share: number, iteration: number): boolean {
  return Math.floor((iteration + 1) * share) > Math.floor(iteration * share);
}

export async function* trickle(body: AsyncIterable<Uint8Array>, bytesPerSecond: number): AsyncGenerator<Uint8Array> {
  const sliceBytes = Math.max(1, Math.floor(bytesPerSecond / slicesPerSecond));
  for await (const chunk of body) {
    for (let from = 0; from < chunk.length; from += sliceBytes) {
      yield chunk.subarray(from, from + sliceBytes);
      await sleep(1000 / slicesPerSecond);
    }
  }
}

/** Calls `leave` once half of `bytes` has been handed on; what is left is never sent. */
export async function* leaveHalfway(
  body: AsyncIterable<Uint8Array>,
  bytes: number,
  leave: () => void,
): AsyncGenerator<Uint8Array> {
  let sent = 0;
  for await (const chunk of body) {
    if (sent >= bytes / 2) return leave();
    sent += chunk.length;
    yield chunk;
  }
  leave();
}
