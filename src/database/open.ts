import postgres from 'postgres';
import {
  databaseConnectTimeoutSeconds,
  statementTimeoutMs as defaultStatementTimeoutMs,
  idleInTransactionTimeoutMs,
  lockTimeoutMs,
} from '../limits.ts';
import { openPasswordChoice } from './password.ts';

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
 * Opens lazily: the first query connects. The server itself ends what hangs (a statement, a wait for a lock, a
 * forgotten transaction), because no setting of the client bounds a transaction that is held open.
 */
export function openDatabase(url: string, options: DatabaseOptions): Sql {
  const { nextPassword } = options;
  return postgres(url, {
    ...(nextPassword === undefined ? {} : { password: openPasswordChoice(url, nextPassword) }),
    max: options.connections,
    connect_timeout: databaseConnectTimeoutSeconds,
    onnotice: () => {},
    types: { bigint: { to: 20, from: [20], parse: Number, serialize: String } },
    connection: {
      application_name: options.applicationName,
      statement_timeout: options.statementTimeoutMs ?? defaultStatementTimeoutMs,
      lock_timeout: lockTimeoutMs,
      idle_in_transaction_session_timeout: idleInTransactionTimeoutMs,
      // Times without a zone must never depend on how the server is set up.
      TimeZone: 'UTC',
      plan_cache_mode: options.keepsPlans ? 'force_generic_plan' : 'auto',
    },
  });
}

/**
 * A connection of its own to where the pool goes, made anew when it is cut. `sql.reserve()` is not for what has to survive a
 * cut: postgres.js 3.4 writes to the socket that is no more, from a timer, and takes the process along.
 */
export function openSession(sql: Sql): Sql {
  return postgres({ ...sql.options, max: 1 } as unknown as postgres.Options<never>) as unknown as Sql;
}

/** Rejects when the database cannot answer. */
export async function checkDatabase(sql: AnySql): Promise<void> {
  await sql`select 1`;
}
