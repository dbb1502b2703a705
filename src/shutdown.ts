import type { Logger } from './log.ts';

/**
 * The first SIGTERM or SIGINT begins `drain` and ends the process when it is done, with 0; one more ends it at once. A drain
 * that has not ended by `deadlineMs` is cut off, with 1.
 */
export function onStopSignal(log: Logger, deadlineMs: number, drain: () => Promise<void>): void {
  let isStopping = false;
  const stop = (signal: NodeJS.Signals) => {
    if (isStopping) process.exit(130);
    isStopping = true;
    log.info({ signal }, 'stopping');
    setTimeout(() => {
      log.error({ deadlineMs }, 'the drain did not end in time');
      process.exit(1);
    }, deadlineMs).unref();
    drain().then(
      () => {
        log.info('stopped');
        process.exit(0);
      },
      (error: unknown) => {
        log.error({ err: error }, 'stopping failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}
