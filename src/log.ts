import pino, { type Logger } from 'pino';

export type { Logger };

/** JSON lines on standard output, written synchronously so that the last line of a dying process is not lost. */
export function openLog(level: string, fields: Record<string, string | number> = {}): Logger {
  return pino(
    { level, base: { pid: process.pid, ...fields }, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 1, sync: true }),
  );
}
