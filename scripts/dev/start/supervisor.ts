import { setTimeout as sleep } from 'node:timers/promises';
import type { Child, Exit } from '../../lib/child.ts';
import type { Say } from '../../lib/steps.ts';

export interface SupervisedProcess {
  readonly name: string;
  /** Undefined between its end and its next start. */
  current(): Child | undefined;
  /** Asks it to end and starts it no more. */
  stop(deadlineMs: number): Promise<void>;
  /** Ends it at once and starts it no more. */
  kill(): void;
}

export interface SuperviseOptions {
  name: string;
  launch: () => Promise<Child>;
  say: Say;
  /** Told after every start but the first. */
  onRestart: (child: Child) => void;
  firstPauseMs?: number;
}

const longestPauseMs = 30_000;
/** A process that lived this long was well: the next pause is the shortest again. */
const wellAfterMs = 30_000;

/**
 * Starts a process and keeps it running: `running` until it ends, `paused` for a time that doubles with each end in a row,
 * `running` again, and `stopped` for good once asked. Rejects only when the very first start fails.
 */
export async function supervise(options: SuperviseOptions): Promise<SupervisedProcess> {
  const stopping = new AbortController();
  let child: Child | undefined = await options.launch();
  const watching = watch();

  async function watch(): Promise<void> {
    let pauseMs = options.firstPauseMs ?? 250;
    while (!stopping.signal.aborted) {
      const startedAt = performance.now();
      const end = child === undefined ? undefined : await child.exited;
      if (stopping.signal.aborted) return;
      if (performance.now() - startedAt > wellAfterMs) pauseMs = options.firstPauseMs ?? 250;
      child = undefined;
      options.say(`${options.name} ${describeEnd(end)}, restarting in ${pauseMs / 1000} s`);
      await sleep(pauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
      if (!stopping.signal.aborted) child = await relaunch();
    }
  }

  async function relaunch(): Promise<Child | undefined> {
    try {
      const next = await options.launch();
      if (stopping.signal.aborted) await next.stop();
      else options.onRestart(next);
      return next;
    } catch (error) {
      options.say(`${options.name}: ${error instanceof Error ? error.message : String(error)}`);
      return undefined;
    }
  }

  return {
    name: options.name,
    current: () => child,
    async stop(deadlineMs) {
      stopping.abort();
      await child?.stop(deadlineMs);
      await watching;
    },
    kill() {
      stopping.abort();
      child?.signal('SIGKILL');
    },
  };
}

function describeEnd(end: Exit | undefined): string {
  if (end === undefined) return 'did not start';
  return end.signal === null ? `exited with code ${end.code}` : `was killed by ${end.signal}`;
}
