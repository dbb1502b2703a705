import { setTimeout as sleep } from 'node:timers/promises';
import { refusedBodyDrainMaxBytes, refusedBodyDrainMs } from '../limits.ts';
import type { Exchange } from './exchange.ts';

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
  let early: Buffer[] = [];
  let receive: OnChunk | undefined;
  let hasEnded = false;
  let isPaused = false;

  res.onData((data, isLast) => {
    exchange.bytesIn += data.byteLength;
    hasEnded = isLast;
    const chunk = Buffer.from(data);
    if (receive === undefined) keepEarly(Buffer.from(chunk));
    else receive(chunk, isLast);
  });
  pause();

  function keepEarly(chunk: Buffer): void {
    early.push(chunk);
    earlyBytes.held += chunk.length;
  }

  function takeEarly(): Buffer[] {
    const taken = early;
    early = [];
    for (const chunk of taken) earlyBytes.held -= chunk.length;
    return taken;
  }

  function pause(): void {
    if (exchange.isOver || isPaused) return;
    isPaused = true;
    res.pause();
  }

  function resume(): void {
    if (exchange.isOver || !isPaused) return;
    isPaused = false;
    res.resume();
  }

  function start(onChunk: OnChunk): void {
    receive = onChunk;
    const kept = takeEarly();
    for (const [i, chunk] of kept.entries()) onChunk(chunk, hasEnded && i === kept.length - 1);
    resume();
  }

  /** Reads on and drops, so that the answer to a refused request is not lost to a reset; bounded in bytes and time. */
  async function drain(): Promise<void> {
    if (hasEnded || exchange.isOver) return;
    const done = new AbortController();
    let dropped = 0;
    takeEarly();
    receive = (chunk, isLast) => {
      dropped += chunk.length;
      if (isLast || dropped >= refusedBodyDrainMaxBytes) done.abort();
    };
    resume();
    await sleep(refusedBodyDrainMs, undefined, { signal: done.signal }).catch(() => undefined);
    receive = () => undefined;
  }

  return {
    start,
    pause,
    resume,
    drain,
    /** Chunks still to come are dropped. */
    stop: () => {
      receive = () => undefined;
      takeEarly();
    },
    hasEnded: () => hasEnded,
    isPaused: () => isPaused,
  };
}
