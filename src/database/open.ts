import postgres from 'postgres';
import {
  databaseAnswerMarginMs,
  databaseConnectTimeoutSeconds,
  databaseReconnectMaxSeconds,
  databaseUnusedConnectionSeconds,
  statementTimeoutMs as defaultStatementTimeoutMs,
  idleInTransactionTimeoutMs,
  keepAliveDelaySeconds,
  keepAliveIntervalSeconds,
  keepAliveProbes,
  lockTimeoutMs,
  sweepLockLostMs,
} from '../limits.ts';
import { openPasswordChoice } from './password.ts';
import { socketOptions } from './socket.ts';

interface WireTypes extends Record<string, unknown> {
  bigint: number;
}

/** A pool of connections. */
export type Sql = postgres.Sql<WireTypes>;
/** A pool or a transaction. Functions that do not start a transaction accept either. */
export type AnySql = postgres.ISql<WireTypes>;

export interface DatabaseOptions {
  connections: number;
  applicationName: string;
  statementTimeoutMs?: number;
  /** The password that the server accepts once its rotation has ended, beside the one in the URL. */
  nextPassword?: string | undefined;
  /** Plans each statement once per connection, whatever its arguments. For statements whose planning costs more than it saves. */
  keepsPlans?: boolean;
}

/**
 * Returns a pool, which connects at the first query. The server ends statements, waits for locks and idle transactions that take
 * too long, since no setting of the client bounds an open transaction. The client closes a connection without a response
 * after the server's time-out has passed: the connection is lost, and its query rejects.
 */
export function openDatabase(url: string, options: DatabaseOptions): Sql {
  const { nextPassword } = options;
  const statementTimeoutMs = options.statementTimeoutMs ?? defaultStatementTimeoutMs;
  return postgres(url, {
    ...(nextPassword === undefined ? {} : { password: openPasswordChoice(url, nextPassword) }),
    max: options.connections,
    connect_timeout: databaseConnectTimeoutSeconds,
    idle_timeout: databaseUnusedConnectionSeconds,
    keep_alive: keepAliveDelaySeconds,
    backoff: (failures: number) =>
      Math.min(0.05 * 2 ** failures, databaseReconnectMaxSeconds) * (0.5 + Math.random() / 2),
    ...socketOptions(url, statementTimeoutMs + databaseAnswerMarginMs),
    onnotice: () => {},
    types: { bigint: { to: 20, from: [20], parse: Number, serialize: String } },
    connection: {
      application_name: options.applicationName,
      statement_timeout: statementTimeoutMs,
      lock_timeout: lockTimeoutMs,
      idle_in_transaction_session_timeout: idleInTransactionTimeoutMs,
      // The server releases the locks of a client whose connection is lost.
      tcp_keepalives_idle: keepAliveDelaySeconds,
      tcp_keepalives_interval: keepAliveIntervalSeconds,
      tcp_keepalives_count: keepAliveProbes,
      // Times without a zone must not depend on the server's settings.
      TimeZone: 'UTC',
      plan_cache_mode: options.keepsPlans ? 'force_generic_plan' : 'auto',
    },
  });
}

/**
 * Returns a connection of its own to the pool's database, which reconnects when it is lost. `sql.reserve()` cannot be used for
 * that: postgres.js 3.4 writes to the destroyed socket from a timer, which ends the process. The server ends a session that is
 * not used for `sweepLockLostMs`, and releases its locks.
 */
export function openSession(sql: Sql): Sql {
  const { options } = sql;
  const connection = { ...options.connection, idle_session_timeout: sweepLockLostMs };
  const own = { ...options, max: 1, idle_timeout: null, connection };
  return postgres(own as unknown as postgres.Options<never>) as unknown as Sql;
}

/**
 * Runs `work` in a transaction. Use it instead of `sql.begin`: when the connection is lost, postgres.js 3.4 sends the rollback to
 * the destroyed socket, which ends the process. Here a lost connection leaves `work` unsettled, and its end rejects the transaction.
 */
export function inTransaction<T>(sql: Sql, work: (tx: postgres.TransactionSql<WireTypes>) => Promise<T>) {
  return sql.begin((tx) =>
    work(tx).catch((error: unknown) => {
      if (isConnectionLost(error)) return new Promise<never>(() => undefined);
      throw error;
    }),
  );
}

function isConnectionLost(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^(?:CONNECTION_|ECONN|EPIPE|ETIMEDOUT)/.test(String(error.code));
}

/** Rejects when the database does not respond. */
export async function checkDatabase(sql: AnySql): Promise<void> {
  await sql`select 1`;
}
