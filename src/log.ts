import pino, { type Logger } from 'pino';
import { logBufferMaxBytes, logFlushMs } from './limits.ts';

export type { Logger };

export interface RequestLine {
  readonly requestId: string;
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export interface WebLog {
  readonly log: Logger;
  /** One line a request, at level info. */
  readonly logRequest: (line: RequestLine) => void;
}

type Fields = Record<string, string | number>;

/** JSON lines on standard output, written at once, so that the last line of a dying process is not lost. */
export function openLog(level: string, fields: Fields = {}): Logger {
  return openWebLog(level, fields).log;
}

/**
 * The lines of requests, which come by the thousand, go out together every `logFlushMs`, before any other line and before the
 * process exits: only one that is killed loses the last of them.
 */
export function openWebLog(level: string, fields: Fields = {}): WebLog {
  const lines = openLines();
  const base = { pid: process.pid, ...fields };
  const timestamp = pino.stdTimeFunctions.isoTime;
  const log = pino({ level, base, timestamp }, { write: lines.writeNow });
  const isWanted = log.isLevelEnabled('info');
  const tail = `${JSON.stringify({ ...base }).slice(1, -1)},"requestId":"`;
  return { log, logRequest: isWanted ? (line) => lines.writeSoon(formatRequest(line, tail)) : () => undefined };
}

function openLines() {
  const destination = pino.destination({ dest: 1, sync: true });
  let waiting = '';
  let timer: NodeJS.Timeout | undefined;

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (waiting === '') return;
    const all = waiting;
    waiting = '';
    destination.write(all);
  }

  process.on('exit', flush);
  return {
    writeNow(line: string): void {
      waiting += line;
      flush();
    },
    writeSoon(line: string): void {
      waiting += line;
      if (waiting.length >= logBufferMaxBytes) flush();
      else timer ??= setTimeout(flush, logFlushMs).unref();
    },
  };
}

/** What pino would write, at a tenth of its price: a method is the only text here that a client can choose. */
function formatRequest(
  { requestId, method, route, status, seconds, bytesIn, bytesOut }: RequestLine,
  tail: string,
): string {
  const name = method === 'GET' || /^[A-Z]+$/.test(method) ? `"${method}"` : JSON.stringify(method);
  const exactSeconds = Math.round(seconds * 1e6) / 1e6;
  return `{"level":30,"time":"${isoTime()}",${tail}${requestId}","method":${name},"route":"${route}","status":${status},"seconds":${exactSeconds},"bytesIn":${bytesIn},"bytesOut":${bytesOut},"msg":"request"}\n`;
}

let lastMs = 0;
let lastText = '';

function isoTime(): string {
  const now = Date.now();
  if (now !== lastMs) {
    lastMs = now;
    lastText = new Date(now).toISOString();
  }
  return lastText;
}
