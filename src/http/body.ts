import { setTimeout as sleep } from 'node:timers/promises';
import { refusedBodyDrainMaxBytes, refusedBodyDrainMs } from '../limits.ts';
import { type Exchange, signalOf } from './exchange.ts';

export type BodyStream = ReturnType<typeof openBodyStream>;

/** Told of each chunk, which is good inside the call only, and of the last. */
export type OnChunk = (chunk: Buffer, isLast: boolean) => void;

/** What all uploads of this process keep of bodies that nobody has begun to read. */
export interface EarlyBytes {
  held: number;
}

/**
 * The body of a request, held back until `start`: the socket is paused, and what had come along with the headers is kept.
 * Must be opened inside the route's own handler, before it returns.
 */
export function openBodyStream(exchange: Exchange, earlyBytes: EarlyBytes) {
  const { res } = exchange;
  const early = openEarlyChunks(earlyBytes);
  let receive: OnChunk | undefined;
  let hasEnded = false;
  let isPaused = false;
  let isStopped = false;

  res.onData((data, isLast) => {
    exchange.bytesIn += data.byteLength;
    hasEnded = isLast;
    const chunk = Buffer.from(data);
    if (receive === undefined) early.keep(chunk);
    else receive(chunk, isLast);
    if (isLast && isStopped) stop();
  });
  pause();

  function pause(): void {
    if (exchange.isOver || isPaused) return;
    isPaused = true;
    res.pause();
  }

  function resume(): void {
    if (exchange.isOver || !isPaused || isStopped) return;
    isPaused = false;
    res.resume();
  }

  function start(onChunk: OnChunk): void {
    receive = onChunk;
    const kept = early.take();
    // A chunk may put an end to the upload: the ones behind it are dropped.
    for (const [i, chunk] of kept.entries()) receive(chunk, hasEnded && i === kept.length - 1);
    resume();
  }

  /**
   * For a body that was answered before its end: reads on for a moment and drops, so that who is still sending gets to see the
   * answer before the connection is cut. Behind `refusedBodyDrainMaxBytes` the socket is left alone until the time is over,
   * unless the client leaves. Resolves to whether the body has ended.
   */
  async function drop(): Promise<boolean> {
    const over = new AbortController();
    let dropped = 0;
    isStopped = false;
    early.take();
    receive = (chunk, isLast) => {
      dropped += chunk.length;
      if (isLast) over.abort();
      else if (dropped >= refusedBodyDrainMaxBytes) pause();
    };
    resume();
    const signal = AbortSignal.any([over.signal, signalOf(exchange)]);
    if (!hasEnded) await sleep(refusedBodyDrainMs, undefined, { signal }).catch(() => undefined);
    if (hasEnded) resume();
    return hasEnded;
  }

  /**
   * Nobody wants the rest: what is here already is dropped, and no more is taken from the socket until `drop`. Behind a body
   * that has ended stands the next request, so then the socket goes on.
   */
  function stop(): void {
    receive = () => undefined;
    early.take();
    isStopped = false;
    if (hasEnded) resume();
    else pause();
    isStopped = !hasEnded;
  }

  return {
    start,
    pause,
    resume,
    drop,
    stop,
    hasEnded: () => hasEnded,
    isPaused: () => isPaused,
  };
}

/** Copies of what came along with the headers, counted until they are taken. */
function openEarlyChunks(earlyBytes: EarlyBytes) {
  let chunks: Buffer[] = [];
  return {
    keep(chunk: Buffer): void {
      chunks.push(Buffer.from(chunk));
      earlyBytes.held += chunk.length;
    },
    take(): Buffer[] {
      const taken = chunks;
      chunks = [];
      for (const chunk of taken) earlyBytes.held -= chunk.length;
      return taken;
    },
  };
}
