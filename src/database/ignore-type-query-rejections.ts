import type { Logger } from '../log.ts';

/**
 * The driver asks the server of each new connection for its array types, and nobody hears when that connection is lost meanwhile:
 * the rejection would end the process, and all its uploads with it. Whoever waits for the connection is told by a rejection of
 * their own. Any other one that nobody handles ends the process as ever.
 */
export function ignoreTypeQueryRejections(log: Logger): void {
  process.on('unhandledRejection', (error) => {
    if (!isTypeQuery(error)) throw error;
    log.warn({ err: error }, 'a new connection to the database was lost');
  });
}

function isTypeQuery(error: unknown): boolean {
  return error instanceof Error && 'query' in error && String(error.query).includes('pg_catalog.pg_type');
}
