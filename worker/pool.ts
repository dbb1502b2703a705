import { extname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MessageChannel } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { killGroup, ProcessCrashedError } from './ffmpeg.ts';
import { InvalidVideoError } from './invalid-video-error.ts';
import { poolThreadEndMs, poolThreadHeapMiB, poolThreadStartMs } from './limits.ts';
import type { Command } from './sandbox.ts';
import type { TranscodeOutcome, TranscodeReport, TranscodeTask } from './transcode.ts';

export type Pool = ReturnType<typeof openPool>;

export interface TranscodeRun extends Command {
  readonly folder: string;
  readonly wallMs: number;
  readonly seconds: number;
  readonly signal: AbortSignal;
  readonly onPercent: (percent: number) => void;
  /** Called with the process id, for tests. */
  readonly onStart?: (pid: number) => void;
}

export interface TranscodeCost {
  readonly cpuSeconds: number;
  readonly peakBytes: number;
}

/** Opens a pool of threads, each of which runs one FFmpeg at a time. */
export function openPool(threads: number) {
  const piscina: Threads = new Piscina({
    // The extension of this file: compiled or source.
    filename: new URL(`./transcode${extname(import.meta.url)}`, import.meta.url).href,
    name: 'transcode',
    // All threads start with the pool, because starting one costs as much CPU as the rest of a job in this process.
    minThreads: threads,
    maxThreads: threads,
    resourceLimits: { maxOldGenerationSizeMb: poolThreadHeapMiB },
  });
  // The task of a thread that ends rejects, which is handled there.
  piscina.on('error', () => undefined);
  const startTimers = openStartTimers(piscina);

  return {
    /**
     * Runs FFmpeg. Rejects with InvalidVideoError when the file cannot be decoded, with ProcessCrashedError when FFmpeg or its thread
     * was ended, and with the signal's reason after an abort. When it settles, none of its processes is left: aborting a piscina
     * task ends only the thread, so the processes are killed here.
     */
    async transcode(run: TranscodeRun): Promise<TranscodeCost> {
      run.signal.throwIfAborted();
      const { port1: ownPort, port2: threadPort } = new MessageChannel();
      const threadAbort = new AbortController();
      let pid: number | undefined;
      const clearStartTimer = startTimers.start(() => threadAbort.abort());
      ownPort.on('message', (report: TranscodeReport) => {
        if ('percent' in report) return run.onPercent(report.percent);
        clearStartTimer();
        pid = report.pid;
        run.onStart?.(pid);
        if (run.signal.aborted) killGroup(pid);
      });
      const abort = () => {
        killGroup(pid);
        ownPort.postMessage('abort');
        sleep(poolThreadEndMs, undefined, { signal: threadAbort.signal, ref: false }).then(
          () => threadAbort.abort(),
          () => undefined,
        );
      };
      run.signal.addEventListener('abort', abort, { once: true });
      try {
        const { command, args, bounds, filter, folder, wallMs, seconds } = run;
        const task: TranscodeTask = { command, args, bounds, filter, folder, wallMs, seconds, port: threadPort };
        const outcome = await piscina.run(task, { transferList: [threadPort], signal: threadAbort.signal });
        pid = undefined;
        return readOutcome(outcome);
      } catch (error) {
        run.signal.throwIfAborted();
        if (error instanceof InvalidVideoError || error instanceof ProcessCrashedError) throw error;
        throw new ProcessCrashedError(`The pool thread ended: ${String(error)}`);
      } finally {
        clearStartTimer();
        run.signal.removeEventListener('abort', abort);
        threadAbort.abort();
        ownPort.close();
        killGroup(pid);
      }
    },
    close: () => piscina.destroy(),
  };
}

type Threads = Piscina<TranscodeTask | undefined, TranscodeOutcome>;

/**
 * Returns timers for tasks that have not started FFmpeg yet; `start` calls `onLate` after `poolThreadStartMs`. If a thread dies
 * during startup, queued tasks stay queued: piscina starts a replacement only on the next submission. An empty task is therefore
 * submitted.
 */
function openStartTimers(piscina: Threads) {
  const waiting = new Set<NodeJS.Timeout>();
  piscina.on('workerDestroy', () => {
    setImmediate(() => {
      if (waiting.size > 0) piscina.run(undefined).catch(() => undefined);
    });
  });
  return {
    start(onLate: () => void): () => void {
      const timer = setTimeout(onLate, poolThreadStartMs);
      waiting.add(timer);
      return () => {
        clearTimeout(timer);
        waiting.delete(timer);
      };
    },
  };
}

function readOutcome(outcome: TranscodeOutcome): TranscodeCost {
  if (outcome.kind === 'done') return outcome;
  if (outcome.kind === 'unreadable') {
    throw new InvalidVideoError('The video could not be read to its end.', outcome.message);
  }
  throw new ProcessCrashedError(outcome.message, outcome.kind === 'crashed' ? outcome.shortage : undefined);
}
