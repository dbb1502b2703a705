import type { Static, TSchema } from '@sinclair/typebox';
import type { LimitName } from '../rate-limits/limits-by-name.ts';
import type { AppContext } from './app-context.ts';
import type { Reply } from './reply.ts';
import type { RequestContext } from './request-context.ts';

/** One row of the contract's table: method, path, input, responses and handler. Also a path of the OpenAPI document. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** With parameters as `{name}`. */
  readonly path: string;
  readonly operationId: string;
  /** Two to five words. */
  readonly summary: string;
  readonly description: string;
  readonly tag: string;
  readonly needsUser: boolean;
  /** Skips the user lookup, which costs a query. The handler rejects tokens of users that no longer exist. */
  readonly trustsToken?: true;
  /** Counted for the user, or for the client's address where no user is needed. */
  readonly limit?: LimitName;
  readonly params?: TSchema;
  readonly query?: TSchema;
  readonly json?: TSchema;
  /** Read by the handler itself while it arrives. */
  readonly form?: TSchema;
  /** By status. The schema is null for a response without a JSON body. */
  readonly answers: Readonly<Record<number, { description: string; schema: TSchema | null }>>;
  readonly handle: (request: RouteRequest, service: AppContext) => Reply | Promise<Reply>;
}

export interface RouteRequest<P = unknown, Q = unknown, B = unknown> {
  readonly context: RequestContext;
  /** 0 where no user is needed. */
  readonly userId: number;
  /** Of the token; only where the route trusts it. */
  readonly epoch: number;
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** Reads a header by its name in lower case; empty where there is none. Valid until the handler first waits, and not after a body or a limit. */
  readonly header: (name: string) => string;
}

type StaticOf<S> = S extends TSchema ? Static<S> : undefined;

type TypedRoute<P, Q, B> = Omit<Route, 'params' | 'query' | 'json' | 'handle'> & {
  params?: P;
  query?: Q;
  json?: B;
  handle: (request: RouteRequest<StaticOf<P>, StaticOf<Q>, StaticOf<B>>, service: AppContext) => Reply | Promise<Reply>;
};

/** Gives the handler the types of the route's schemas. Its input is validated before it runs. */
export function defineRoute<
  P extends TSchema | undefined = undefined,
  Q extends TSchema | undefined = undefined,
  B extends TSchema | undefined = undefined,
>(route: TypedRoute<P, Q, B>): Route {
  return route as unknown as Route;
}
