import type { Logger } from './log.ts';

/**
 * Begins `drain` at the first SIGTERM or SIGINT and ends the process when it is done, with exit code 0; another signal ends the
 * process at once. An exception that nothing caught begins the drain as well, and ends with exit code 1: requests in flight
 * are finished, and the supervisor starts another process. A drain that has not ended by `deadlineMs` is cut off, with exit code 1.
 */
export function onStop(log: Logger, deadlineMs: number, drain: () => Promise<void>): void {
  let isStopping = false;

  function stop(exitCode: number): void {
    isStopping = true;
    setTimeout(() => {
      log.error({ deadlineMs }, 'drain timed out, exiting');
      process.exit(1);
    }, deadlineMs).unref();
    drain().then(
      () => {
        log.info('stopped');
        process.exit(exitCode);
      },
      (error: unknown) => {
        log.error({ err: error }, 'drain failed');
        process.exit(1);
      },
    );
  }

  const onSignal = (signal: NodeJS.Signals) => {
    if (isStopping) process.exit(130);
    log.info({ signal }, 'stopping');
    stop(0);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'unexpected error, stopping');
    if (!isStopping) stop(1);
  });
}
