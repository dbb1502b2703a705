import { setTimeout as sleep } from 'node:timers/promises';
import { refusedBodyDrainMaxBytes, refusedBodyDrainMs } from '../limits.ts';
import { type HeldBytes, openHeldChunks } from './held-chunks.ts';
import { type RequestContext, signalOf } from './request-context.ts';
import { onBody, pauseBody, renewBodyTimeout, resumeBody } from './uws.ts';

export type BodyStream = ReturnType<typeof openBodyStream>;

/** Receives each chunk, which is valid only during the call, and whether it is the last. */
export type OnChunk = (chunk: Buffer, isLast: boolean) => void;

/**
 * Opens the body of a request, which is not read until `start`. The socket is paused until then, and whenever the caller pauses.
 * Chunks that still arrive are held, and delivered first when reading resumes. When a client sends more than may be held,
 * `onOverflow` is called and no more of its body is delivered. Must be called inside of the route's handler.
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

  /** Pauses for a receiver that has no room for its chunk. The chunk is held, and delivered again when reading resumes. */
  function pauseBefore(chunk: Buffer): void {
    if (held.keepFirst(chunk)) pause();
    else overflow();
  }

  /** Delivers held chunks until the receiver pauses, which keeps the rest, or ends the upload, which drops the rest. */
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

  /** Drops the held chunks and delivers the following ones to another receiver, also after `stop`. */
  function restart(onChunk: OnChunk): void {
    isStopped = false;
    held.drop();
    receive = onChunk;
    resume();
  }

  /**
   * Ends the delivery: held chunks are dropped, and the socket is not read until `restart`. If the body has ended, the socket is
   * read, because the next request follows.
   */
  function stop(): void {
    receive = () => undefined;
    held.drop();
    isStopped = false;
    if (hasEnded) resume();
    else pause();
    isStopped = !hasEnded;
  }

  return {
    start,
    pause,
    pauseBefore,
    resume,
    restart,
    stop,
    hasEnded: () => hasEnded,
    isPaused: () => isPaused,
  };
}

/** Renews the connection's idle time-out. Call it every few seconds while a body that may be slow is read. */
export function renewIdleTimeout(context: RequestContext): void {
  if (!context.isOver) renewBodyTimeout(context);
}

/**
 * Drains a body that was refused before its end: reads it for `refusedBodyDrainMs` and drops it, so that a client that is still
 * sending can read the response before the connection is closed. After `refusedBodyDrainMaxBytes` the socket is paused until the
 * time is over or the client leaves. Resolves to whether the body has ended.
 */
export async function drainBody(context: RequestContext, body: BodyStream): Promise<boolean> {
  const over = new AbortController();
  let dropped = 0;
  body.restart((chunk, isLast) => {
    dropped += chunk.length;
    if (isLast) over.abort();
    else if (dropped >= refusedBodyDrainMaxBytes) body.pause();
  });
  const signal = AbortSignal.any([over.signal, signalOf(context)]);
  if (!body.hasEnded()) await sleep(refusedBodyDrainMs, undefined, { signal }).catch(() => undefined);
  if (body.hasEnded()) body.resume();
  return body.hasEnded();
}
