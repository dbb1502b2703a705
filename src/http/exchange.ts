import { randomUUID } from 'node:crypto';
import type { Use } from '../throttle/throttle.ts';
import { type HttpRequest, onAborted, type ResponseHandle, sendContinue, type Transport } from './uws.ts';

/** One request and its answer, from the first header to the last byte. */
export interface Exchange extends Transport {
  readonly requestId: string;
  readonly method: string;
  /** The template, never the address itself: it labels metrics and logs. */
  readonly route: string;
  readonly startedAt: number;
  readonly headers: RequestHeaders;
  /** Answered or aborted: `res` must not be touched any more. */
  isOver: boolean;
  wasAborted: boolean;
  isWatched: boolean;
  /** Inside the route's handler, where the server holds back what is written until the handler returns. */
  isCorked: boolean;
  closesConnection: boolean;
  /** Set when the response goes out before the body has arrived: drains the body. Resolves to whether the body ended. */
  dropRest: (() => Promise<boolean>) | undefined;
  status: number;
  bytesIn: number;
  bytesOut: number;
  /** Read only where a route is limited. */
  clientAddress: string;
  limitUses: Use[] | undefined;
  abort: AbortController | undefined;
}

/** The headers that decide how a body is read; whatever else a route wants it asks for in its own `headers`. */
export interface RequestHeaders {
  readonly contentLength: number | undefined;
  readonly isChunked: boolean;
  readonly framingFault: boolean;
}

/** Must be called inside of the route's handler. */
export function openExchange(
  res: ResponseHandle,
  req: HttpRequest,
  method: string,
  route: string,
  onError: Transport['onError'],
): Exchange {
  const exchange: Exchange = {
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
    dropRest: undefined,
    status: 0,
    bytesIn: 0,
    bytesOut: 0,
    clientAddress: '',
    limitUses: undefined,
    abort: undefined,
  };
  exchange.closesConnection = exchange.headers.isChunked || exchange.headers.framingFault;
  const expectation = req.getHeader('expect');
  if (expectation !== '' && isOtherContinue(expectation)) sendContinue(exchange);
  return exchange;
}

/** The server itself answers exactly `100-continue`; names of expectations have no case. */
function isOtherContinue(expectation: string): boolean {
  return expectation !== '100-continue' && expectation.trim().toLowerCase() === '100-continue';
}

/** Needed before a handler returns without having answered, and only then. */
export function watchAbort(exchange: Exchange): void {
  if (exchange.isWatched) return;
  exchange.isWatched = true;
  onAborted(exchange, () => {
    exchange.isOver = true;
    exchange.wasAborted = true;
    exchange.abort?.abort(new Error('The client went away'));
  });
}

/** Made only where somebody listens: most requests are answered before they could be aborted. */
export function signalOf(exchange: Exchange): AbortSignal {
  exchange.abort ??= new AbortController();
  if (exchange.wasAborted) exchange.abort.abort(new Error('The client went away'));
  return exchange.abort.signal;
}

const noBody: RequestHeaders = { contentLength: undefined, isChunked: false, framingFault: false };

/**
 * One length, or exactly one `Transfer-Encoding: chunked`: whatever else could hide a second request behind the body.
 * The server's own parser lets some of these through, with every value in `forEach`.
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
    framingFault: isChunked ? lengths.length > 0 : encodings.length > 0 || !isMeasured,
  };
}
