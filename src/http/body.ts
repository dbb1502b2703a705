import { setTimeout as sleep } from 'node:timers/promises';
import { refusedBodyDrainMaxBytes, refusedBodyDrainMs } from '../limits.ts';
import { type HeldBytes, openHeldChunks } from './held-chunks.ts';
import { type RequestContext, signalOf } from './request-context.ts';
import { onBody, pauseBody, resumeBody } from './uws.ts';

export type BodyStream = ReturnType<typeof openBodyStream>;

/** Receives each chunk, which is valid only during the call, and whether it is the last. */
export type OnChunk = (chunk: Buffer, isLast: boolean) => void;

/**
 * The body of a request, not read until `start`. The socket is paused meanwhile, and whenever the caller pauses. Chunks that
 * still arrive are held and delivered first when reading goes on; a client that sends more than may be held gets
 * `onOverflow`, and nothing of its body is delivered any more. Must be opened inside of the route's handler.
 */
export function openBodyStream(context: RequestContext, heldBytes: HeldBytes, onOverflow: () => void) {
  const held = openHeldChunks(heldBytes);
  let receive: OnChunk | undefined;
  let hasEnded = false;
  let isPaused = false;
  let isStopped = false;

  onBody(context, (chunk, isLast) => {
    context.bytesIn += chunk.length;
    hasEnded = isLast;
    if (receive !== undefined && (!isPaused || isStopped)) receive(chunk, isLast);
    else if (!held.keep(chunk)) overflow();
    if (isLast && isStopped) stop();
  });
  pause();

  function overflow(): void {
    stop();
    onOverflow();
  }

  function pause(): void {
    if (context.isOver || isPaused) return;
    isPaused = true;
    pauseBody(context);
  }

  function resume(): void {
    if (context.isOver || !isPaused || isStopped) return;
    isPaused = false;
    deliverHeld();
    if (!isPaused && !context.isOver) resumeBody(context);
  }

  /** A chunk may make the receiver pause again, or end the upload: then the chunks behind it are held on, or dropped. */
  function deliverHeld(): void {
    while (!isPaused && receive !== undefined) {
      const chunk = held.takeFirst();
      if (chunk === undefined) return;
      receive(chunk, hasEnded && held.isEmpty());
    }
  }

  function start(onChunk: OnChunk): void {
    receive = onChunk;
    resume();
  }

  /**
   * For a body that was refused before its end: reads on for a moment and drops what arrives, so that a client that is still
   * sending can read the response before the connection is closed. After `refusedBodyDrainMaxBytes` the socket is left alone
   * until the time is over, unless the client leaves. Resolves to whether the body has ended.
   */
  async function drop(): Promise<boolean> {
    const over = new AbortController();
    let dropped = 0;
    isStopped = false;
    held.drop();
    receive = (chunk, isLast) => {
      dropped += chunk.length;
      if (isLast) over.abort();
      else if (dropped >= refusedBodyDrainMaxBytes) pause();
    };
    resume();
    const signal = AbortSignal.any([over.signal, signalOf(context)]);
    if (!hasEnded) await sleep(refusedBodyDrainMs, undefined, { signal }).catch(() => undefined);
    if (hasEnded) resume();
    return hasEnded;
  }

  /**
   * Ends the delivery: what has arrived is dropped, and nothing more is read from the socket until `drop`. A body that has ended
   * is followed by the next request, so then the socket is read on.
   */
  function stop(): void {
    receive = () => undefined;
    held.drop();
    isStopped = false;
    if (hasEnded) resume();
    else pause();
    isStopped = !hasEnded;
  }

  return { start, pause, resume, drop, stop, hasEnded: () => hasEnded, isPaused: () => isPaused };
}
