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
/** A pool or a transaction: a question that needs no transaction of its own can be asked of either. */
export type AnySql = postgres.ISql<WireTypes>;

export interface DatabaseOptions {
  connections: number;
  applicationName: string;
  statementTimeoutMs?: number;
  /** The one that the server takes once a rotation is through, beside that of the address. */
  nextPassword?: string | undefined;
  /** Plans are made once a connection, whatever the arguments: for statements whose plan costs more than what it could save. */
  keepsPlans?: boolean;
}

/**
 * Opens lazily: the first query connects. The server ends a statement, a wait for a lock and a forgotten transaction that
 * take too long, because no setting of the client bounds a transaction that is held open. The client closes a connection
 * whose answer does not come although the server's own time-out has passed: it is lost, and its query rejects.
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
      // The server frees what a client that is lost still holds.
      tcp_keepalives_idle: keepAliveDelaySeconds,
      tcp_keepalives_interval: keepAliveIntervalSeconds,
      tcp_keepalives_count: keepAliveProbes,
      // Times without a zone must never depend on how the server is set up.
      TimeZone: 'UTC',
      plan_cache_mode: options.keepsPlans ? 'force_generic_plan' : 'auto',
    },
  });
}

/**
 * A connection of its own to where the pool goes, made anew when it is cut. `sql.reserve()` is not for what has to survive a
 * cut: postgres.js 3.4 writes to the socket that is no more, from a timer, and takes the process along. What the session
 * holds is lost when it is not used for `sweepLockLostMs`: the server then ends it.
 */
export function openSession(sql: Sql): Sql {
  const { options } = sql;
  const connection = { ...options.connection, idle_session_timeout: sweepLockLostMs };
  const own = { ...options, max: 1, idle_timeout: null, connection };
  return postgres(own as unknown as postgres.Options<never>) as unknown as Sql;
}

/**
 * A transaction whose connection may be lost: postgres.js 3.4 would send a rollback to the socket that is no more, and end
 * the process. When the connection is lost, `work` is left alone and the end of the connection rejects the transaction.
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

/** Rejects when the database cannot answer. */
export async function checkDatabase(sql: AnySql): Promise<void> {
  await sql`select 1`;
}
