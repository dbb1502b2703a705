import { type RequestContext, signalOf, watchAbort } from './request-context.ts';
import { cork, endStream, type ResponseHead, startStream, writeToStream } from './uws.ts';

/** A comment, which clients ignore. It is sent first, because the head of a response is sent with its first piece. */
const opening = Buffer.from(':\n\n');

/**
 * Sends the head at once, then each text of the source. The next text is requested when the client has read the texts before it, so
 * that a slow client costs no memory.
 *
 * @param onOver Called when the stream has ended or the client has left.
 */
export function sendEvents(
  context: RequestContext,
  head: ResponseHead,
  events: (signal: AbortSignal) => AsyncIterable<string>,
  onOver: () => void,
): void {
  let resume: (() => void) | undefined;
  let isOver = false;
  const finish = () => {
    if (isOver) return;
    isOver = true;
    resume?.();
    onOver();
  };
  const waitUntilWritable = () =>
    new Promise<void>((resolve) => {
      resume = resolve;
    });
  context.onLeave = finish;
  watchAbort(context);
  startStream(context, head, () => resume?.());
  writeToStream(context, opening);
  pump().then(end, end);

  async function pump(): Promise<void> {
    for await (const text of events(signalOf(context))) {
      if (context.isOver) return;
      const bytes = Buffer.from(text);
      context.bytesOut += bytes.length;
      let isWritable = true;
      cork(context, () => {
        isWritable = writeToStream(context, bytes);
      });
      if (!isWritable && !context.isOver) await waitUntilWritable();
      if (context.isOver) return;
    }
  }

  /** Ends the stream when the source ends or fails. After a failure the client reconnects. */
  function end(error?: unknown): void {
    if (context.isOver) return;
    if (error !== undefined) context.onError(error);
    context.isOver = true;
    cork(context, () => endStream(context, head));
    finish();
  }
}
