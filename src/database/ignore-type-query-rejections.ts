import type { Logger } from '../log.ts';

/**
 * Logs the unhandled rejections of postgres.js' type query instead of ending the process. The driver queries the array types on
 * each new connection and does not handle the rejection when the connection is lost meanwhile. Queries that wait for the
 * connection reject by themselves. Any other unhandled rejection still ends the process.
 */
export function ignoreTypeQueryRejections(log: Logger): void {
  process.on('unhandledRejection', (error) => {
    if (!isTypeQuery(error)) throw error;
    log.warn({ err: error }, 'new database connection lost');
  });
}

function isTypeQuery(error: unknown): boolean {
  return error instanceof Error && 'query' in error && String(error.query).includes('pg_catalog.pg_type');
}
