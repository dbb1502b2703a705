import type { Static, TSchema } from '@sinclair/typebox';
import type { ErrorCode } from '../errors.ts';
import type { LimitName } from '../rate-limits/limits-by-name.ts';
import type { AppContext } from './app-context.ts';
import type { HeaderName } from './openapi/headers.ts';
import type { Reply } from './reply.ts';
import type { RequestContext } from './request-context.ts';
import type { Method } from './uws.ts';

/** Describes one method of one path for the server. To add a route, add a row to routes.ts. */
export type Row = ValueRow | StreamRow;

interface RowFacts {
  /** A GET row also serves HEAD, unless a separate row does. */
  readonly method: Method;
  /** With parameters as `{name}`. */
  readonly path: string;
  /** Counted by user, or by the client's address for routes without a user. */
  readonly limit?: LimitName;
  readonly params?: TSchema;
  readonly query?: TSchema;
  /** Null for a handler with its own time-outs. `requestDeadlineMs` by default. */
  readonly timeoutMs?: number | null;
}

/** A row without a body or with a JSON body. The handler runs when the user is known and all input is valid. */
export interface ValueRow extends RowFacts {
  /** `trusted token` skips the user lookup, which costs a query. The handler rejects tokens of users that no longer exist. */
  readonly auth: 'none' | 'user' | 'trusted token';
  readonly body?: JsonBody;
  readonly handle: (request: RouteRequest, app: AppContext) => Reply | Promise<Reply>;
}

/**
 * A row whose handler reads the body itself while it arrives. The handler runs at once, so that it can open the body. It must
 * await `admit` before it reads the body.
 */
export interface StreamRow extends RowFacts {
  readonly auth: 'none' | 'user';
  readonly body: StreamBody;
  readonly handle: (request: StreamRequest, app: AppContext) => Promise<Reply>;
}

interface JsonBody<B = TSchema> {
  readonly kind: 'json';
  readonly schema: B;
}

interface StreamBody {
  readonly kind: 'stream';
  readonly contentType: string;
  /** Describes the body to clients. Nothing is validated against it. */
  readonly schema: TSchema;
}

export const json = <B extends TSchema>(schema: B): JsonBody<B> => ({ kind: 'json', schema });
export const stream = (contentType: string, schema: TSchema): StreamBody => ({ kind: 'stream', contentType, schema });

export interface RouteRequest<P = unknown, Q = unknown, B = unknown> {
  readonly context: RequestContext;
  /** 0 for routes without a user. */
  readonly userId: number;
  /** The epoch of the token. Set only for routes with a trusted token. */
  readonly epoch: number;
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** Returns a header by its lower-case name, or ''. Call it before the first await, and only on routes without body and limit. */
  readonly header: (name: string) => string;
}

export interface StreamRequest<P = unknown, Q = unknown> extends Pick<RouteRequest, 'context' | 'header'> {
  /** Authenticates the user, validates path and query, and counts the request, in this order. Rejects with the first error. */
  readonly admit: () => Promise<Pick<RouteRequest<P, Q>, 'userId' | 'params' | 'query'>>;
}

/** Describes a row in the OpenAPI document. The server does not use these fields. */
export interface Operation {
  readonly operationId: string;
  /** Two to five words. */
  readonly summary: string;
  readonly description: string;
  readonly tag: string;
  readonly success: Success | readonly Success[];
  /** The errors of the handler. Those that follow from the row's other fields are added. */
  readonly errors?: readonly ErrorCode[];
}

interface Success {
  readonly status: number;
  readonly description: string;
  /** Absent for a response without a body. */
  readonly schema?: TSchema;
  /** `application/json` by default. */
  readonly contentType?: string;
  /** Names of response headers, described in openapi/headers.ts. */
  readonly headers?: readonly HeaderName[];
}

/** A row of the public API: served, and described in the OpenAPI document. */
export type Route = Row & Operation;

type StaticOf<S> = S extends TSchema ? Static<S> : undefined;

type TypedRow<P, Q, B> = Omit<ValueRow, 'params' | 'query' | 'body' | 'handle'> & {
  params?: P;
  query?: Q;
  body?: JsonBody<B>;
  handle: (request: RouteRequest<StaticOf<P>, StaticOf<Q>, StaticOf<B>>, app: AppContext) => Reply | Promise<Reply>;
};
type Schema = TSchema | undefined;

/** Gives the handler the types of the row's schemas. Its input is validated before it runs. */
export function defineRoute<P extends Schema = undefined, Q extends Schema = undefined, B extends Schema = undefined>(
  route: TypedRow<P, Q, B> & Operation,
): Route;
export function defineRoute<P extends Schema = undefined, Q extends Schema = undefined, B extends Schema = undefined>(
  row: TypedRow<P, Q, B>,
): ValueRow;
export function defineRoute(row: unknown): unknown {
  return row;
}

type TypedStreamRow<P, Q> = Omit<StreamRow, 'params' | 'query' | 'handle'> & {
  params?: P;
  query?: Q;
  handle: (request: StreamRequest<StaticOf<P>, StaticOf<Q>>, app: AppContext) => Promise<Reply>;
};

/** Gives a handler that reads the body itself the types of the row's schemas. `admit` resolves to the validated input. */
export function defineStreamRoute<P extends Schema = undefined, Q extends Schema = undefined>(
  route: TypedStreamRow<P, Q> & Operation,
): Route;
export function defineStreamRoute<P extends Schema = undefined, Q extends Schema = undefined>(
  row: TypedStreamRow<P, Q>,
): StreamRow;
export function defineStreamRoute(row: unknown): unknown {
  return row;
}
