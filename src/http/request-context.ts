import { randomUUID } from 'node:crypto';
import type { Use } from '../rate-limits/rate-limiter.ts';
import { type HttpRequest, onAborted, type ResponseHandle, sendContinue, type Transport } from './uws.ts';

/** Holds the properties of one request and the state of its response. */
export interface RequestContext extends Transport {
  readonly requestId: string;
  readonly method: string;
  /** The template of the path, as metrics and logs name it. */
  readonly route: string;
  readonly startedAt: number;
  readonly headers: RequestHeaders;
  /** True when the response was sent or aborted: no function of uws.ts may be called for it any more. */
  isOver: boolean;
  wasAborted: boolean;
  isWatched: boolean;
  /** True inside of the route's handler: the server buffers what is written until the handler returns. */
  isCorked: boolean;
  closesConnection: boolean;
  /** Set when the response goes out before the body has arrived: drains the body. Resolves to whether the body ended. */
  drainRequestBody: (() => Promise<boolean>) | undefined;
  status: number;
  bytesIn: number;
  bytesOut: number;
  /** Set only if the route is rate limited. */
  clientAddress: string;
  /** True if the client is on this machine and no proxy forwarded the request. */
  isLocalClient: boolean;
  limitUses: Use[] | undefined;
  abort: AbortController | undefined;
  /** Called when the client leaves before its response is complete. */
  onLeave: (() => void) | undefined;
  /** The response's CORS header fields, each after a line break; empty when CORS is off. */
  readonly corsFields: string;
}

export type OpenRequestContext = (
  res: ResponseHandle,
  req: HttpRequest,
  method: string,
  route: string,
) => RequestContext;

/** The headers that decide how a body is read. */
export interface RequestHeaders {
  readonly contentLength: number | undefined;
  readonly isChunked: boolean;
  readonly hasInvalidFraming: boolean;
}

/** Opens the context of a request. Must be called inside of the route's handler. */
export function openRequestContext(
  res: ResponseHandle,
  req: HttpRequest,
  method: string,
  route: string,
  onError: Transport['onError'],
  corsFields = '',
): RequestContext {
  const context: RequestContext = {
    res,
    onError,
    hasInterim: false,
    requestId: randomUUID(),
    method,
    route,
    startedAt: performance.now(),
    headers: readFraming(req),
    isOver: false,
    wasAborted: false,
    isWatched: false,
    isCorked: true,
    closesConnection: false,
    drainRequestBody: undefined,
    status: 0,
    bytesIn: 0,
    bytesOut: 0,
    clientAddress: '',
    isLocalClient: false,
    limitUses: undefined,
    abort: undefined,
    onLeave: undefined,
    corsFields,
  };
  context.closesConnection = context.headers.isChunked || context.headers.hasInvalidFraming;
  const expectation = req.getHeader('expect');
  if (expectation !== '' && isOtherContinue(expectation)) sendContinue(context);
  return context;
}

/** Returns true for other spellings of `100-continue`. The server itself responds to the exact one. */
function isOtherContinue(expectation: string): boolean {
  return expectation !== '100-continue' && expectation.trim().toLowerCase() === '100-continue';
}

/** Watches for the client to leave. Must be called before a handler returns without having sent the response. */
export function watchAbort(context: RequestContext): void {
  if (context.isWatched) return;
  context.isWatched = true;
  onAborted(context, () => {
    context.isOver = true;
    context.wasAborted = true;
    abortHandler(context, 'The client left');
    context.onLeave?.();
  });
}

/** Aborts the signal of the handler. */
export function abortHandler(context: RequestContext, reason: string): void {
  context.abort?.abort(new Error(reason));
}

/**
 * Returns the signal that aborts when the client leaves or the request times out. Created on demand: most requests end before
 * they could be aborted.
 */
export function signalOf(context: RequestContext): AbortSignal {
  context.abort ??= new AbortController();
  if (context.wasAborted) abortHandler(context, 'The client left');
  return context.abort.signal;
}

const noBody: RequestHeaders = { contentLength: undefined, isChunked: false, hasInvalidFraming: false };

/**
 * Returns the headers that frame the body. Valid are one length, or exactly one `Transfer-Encoding: chunked`: anything else could
 * smuggle a second request after the body. The server's parser accepts some of that, with every value in `forEach`.
 */
function readFraming(req: HttpRequest): RequestHeaders {
  if (req.getHeader('content-length') === '' && req.getHeader('transfer-encoding') === '') return noBody;
  const lengths: string[] = [];
  const encodings: string[] = [];
  req.forEach((name, value) => {
    if (name === 'content-length') lengths.push(value);
    if (name === 'transfer-encoding') encodings.push(value);
  });
  const isChunked = encodings.length === 1 && encodings[0]?.trim().toLowerCase() === 'chunked';
  const isMeasured = lengths.length === 1 && /^\d{1,15}$/.test(lengths[0] ?? '');
  return {
    contentLength: isMeasured ? Number(lengths[0]) : undefined,
    isChunked,
    hasInvalidFraming: isChunked ? lengths.length > 0 : encodings.length > 0 || !isMeasured,
  };
}
