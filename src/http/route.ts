import type { Static, TSchema } from '@sinclair/typebox';
import type { LimitName } from '../throttle/limits-by-name.ts';
import type { Exchange } from './exchange.ts';
import type { Reply } from './reply.ts';
import type { Service } from './service.ts';

/** One row of the contract's table: how it is reached, what it takes, what it answers. Also a path of the OpenAPI document. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** With parameters as `{name}`. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly tag: string;
  readonly needsUser: boolean;
  /** The user is not looked for beforehand, which would cost a question of its own: the handler refuses who is nobody. */
  readonly trustsToken?: true;
  /** Counted for the user, or for the client's address where none is needed. */
  readonly limit?: LimitName;
  readonly params?: TSchema;
  readonly query?: TSchema;
  readonly json?: TSchema;
  /** Read as it streams in, by the handler itself. */
  readonly form?: TSchema;
  /** By status; null for an answer whose body is no JSON. */
  readonly answers: Readonly<Record<number, { description: string; schema: TSchema | null }>>;
  readonly handle: (request: RouteRequest, service: Service) => Reply | Promise<Reply>;
}

export interface RouteRequest<P = unknown, Q = unknown, B = unknown> {
  readonly exchange: Exchange;
  /** 0 where no user is needed. */
  readonly userId: number;
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /**
   * A header by its name in lower case, empty where there is none. Good until the handler first waits, and not behind a body or
   * a limit.
   */
  readonly header: (name: string) => string;
}

type StaticOf<S> = S extends TSchema ? Static<S> : undefined;

type TypedRoute<P, Q, B> = Omit<Route, 'params' | 'query' | 'json' | 'handle'> & {
  params?: P;
  query?: Q;
  json?: B;
  handle: (request: RouteRequest<StaticOf<P>, StaticOf<Q>, StaticOf<B>>, service: Service) => Reply | Promise<Reply>;
};

/** Gives the handler the types of the route's own schemas, which have been checked by the time it runs. */
export function defineRoute<
  P extends TSchema | undefined = undefined,
  Q extends TSchema | undefined = undefined,
  B extends TSchema | undefined = undefined,
>(route: TypedRoute<P, Q, B>): Route {
  return route as unknown as Route;
}
