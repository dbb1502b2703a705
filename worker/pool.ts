import { extname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MessageChannel } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { poolThreadEndMs, poolThreadHeapMiB, poolThreadStartMs } from '../src/limits.ts';
import { killGroup, ProcessCrashedError } from './ffmpeg.ts';
import { InvalidVideoError } from './invalid-video-error.ts';
import type { Command } from './sandbox.ts';
import type { TranscodeOutcome, TranscodeReport, TranscodeTask } from './transcode.ts';

export type Pool = ReturnType<typeof openPool>;

export interface TranscodeRun extends Command {
  readonly folder: string;
  readonly wallMs: number;
  readonly seconds: number;
  readonly signal: AbortSignal;
  readonly onPercent: (percent: number) => void;
  /** For whoever needs to know the process, a test say. */
  readonly onStart?: (pid: number) => void;
}

export interface TranscodeCost {
  readonly cpuSeconds: number;
  readonly peakBytes: number;
}

export function openPool(threads: number) {
  const piscina: Threads = new Piscina({
    // The same ending as this file's: compiled, or as written.
    filename: new URL(`./transcode${extname(import.meta.url)}`, import.meta.url).href,
    name: 'transcode',
    // All from the start: to start one costs as much CPU as all else that a job needs of it.
    minThreads: threads,
    maxThreads: threads,
    resourceLimits: { maxOldGenerationSizeMb: poolThreadHeapMiB },
  });
  // A thread that ends by itself rejects its task, which is where it is dealt with.
  piscina.on('error', () => undefined);
  const line = openLine(piscina);

  return {
    /**
     * Rejects with InvalidVideoError when the file is at fault, with ProcessCrashedError when FFmpeg or its thread was ended, with the
     * signal's reason after an abort. When it settles, no process of it is left: aborting a piscina task only ends the
     * thread, so the process is ended from here.
     */
    async transcode(run: TranscodeRun): Promise<TranscodeCost> {
      run.signal.throwIfAborted();
      const { port1: ours, port2: theirs } = new MessageChannel();
      const lastResort = new AbortController();
      let pid: number | undefined;
      const leaveLine = line.enter(() => lastResort.abort());
      ours.on('message', (report: TranscodeReport) => {
        if ('percent' in report) return run.onPercent(report.percent);
        leaveLine();
        pid = report.pid;
        run.onStart?.(pid);
        if (run.signal.aborted) killGroup(pid);
      });
      const abort = () => {
        killGroup(pid);
        ours.postMessage('abort');
        sleep(poolThreadEndMs, undefined, { signal: lastResort.signal, ref: false }).then(
          () => lastResort.abort(),
          () => undefined,
        );
      };
      run.signal.addEventListener('abort', abort, { once: true });
      try {
        const { command, args, bounds, filter, folder, wallMs, seconds } = run;
        const task: TranscodeTask = { command, args, bounds, filter, folder, wallMs, seconds, port: theirs };
        const outcome = await piscina.run(task, { transferList: [theirs], signal: lastResort.signal });
        pid = undefined;
        return judge(outcome);
      } catch (error) {
        run.signal.throwIfAborted();
        if (error instanceof InvalidVideoError || error instanceof ProcessCrashedError) throw error;
        throw new ProcessCrashedError(`The pool thread ended: ${String(error)}`);
      } finally {
        leaveLine();
        run.signal.removeEventListener('abort', abort);
        lastResort.abort();
        ours.close();
        killGroup(pid);
      }
    },
    close: () => piscina.destroy(),
  };
}

type Threads = Piscina<TranscodeTask | undefined, TranscodeOutcome>;

/**
 * A thread that ends while it starts leaves the tasks in line to nobody: piscina starts another one only when it is asked
 * for more, so it is asked for nothing. `onLate` is called when a task has not left the line in good time all the same.
 */
function openLine(piscina: Threads) {
  const waiting = new Set<NodeJS.Timeout>();
  piscina.on('workerDestroy', () => {
    setImmediate(() => {
      if (waiting.size > 0) piscina.run(undefined).catch(() => undefined);
    });
  });
  return {
    enter(onLate: () => void): () => void {
      const timer = setTimeout(onLate, poolThreadStartMs);
      waiting.add(timer);
      return () => {
        clearTimeout(timer);
        waiting.delete(timer);
      };
    },
  };
}

function judge(outcome: TranscodeOutcome): TranscodeCost {
  if (outcome.kind === 'done') return outcome;
  if (outcome.kind === 'unreadable') {
    throw new InvalidVideoError('The video could not be read to its end.', outcome.message);
  }
  throw new ProcessCrashedError(outcome.message, outcome.kind === 'crashed' ? outcome.shortage : undefined);
}
