import { Worker } from 'node:worker_threads';
import { exitCodes, RunFailure } from './exit-codes.ts';
import type { ThreadCommand, ThreadEvent, ThreadSettings } from './messages.ts';
import { withResolvers } from './with-resolvers.ts';

type Loaded = Extract<ThreadEvent, { kind: 'loaded' }>;
type Progress = Extract<ThreadEvent, { kind: 'progress' }>;

export type ThreadHandle = Awaited<ReturnType<typeof startThread>>;

/** A small young generation collects the chunks of uploads early. With 4 MB the memory sometimes reached 150 MB. */
const resourceLimits = { maxYoungGenerationSizeMb: 1 };

/** Starts a thread and loads the script. Rejects with the reason if the script cannot be loaded. */
export async function startThread(settings: ThreadSettings, onProgress: (progress: Progress) => void) {
  // The thread must not inherit the process's own options, such as the tests' loader.
  const worker = new Worker(new URL('./thread.js', import.meta.url), {
    workerData: settings,
    execArgv: [],
    resourceLimits,
  });
  const failure = withResolvers<never>();
  failure.promise.catch(() => undefined);
  const finished = withResolvers<void>();
  let result = withResolvers<unknown>();
  worker.on('error', (error) =>
    failure.reject(new RunFailure(error.stack ?? error.message, exitCodes.scriptException)),
  );
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  exited.then(() => failure.reject(new RunFailure('A thread ended unexpectedly', exitCodes.scriptException)));
  const loaded = withResolvers<Loaded>();
  worker.on('message', (report: ThreadEvent) => {
    if (report.kind === 'loaded') loaded.resolve(report);
    else if (report.kind === 'progress') onProgress(report);
    else if (report.kind === 'finished') finished.resolve();
    else if (report.kind === 'done') result.resolve(report.result);
    else failure.reject(new RunFailure(report.message, report.exitCode));
  });
  const send = (command: ThreadCommand) => worker.postMessage(command);
  const isFinished = Promise.race([finished.promise, failure.promise]);
  isFinished.catch(() => undefined);
  try {
    const about = await Promise.race([loaded.promise, failure.promise]);
    return {
      ...about,
      send,
      finished: isFinished,
      /** Sends a command and resolves with its result. */
      call(command: ThreadCommand): Promise<unknown> {
        result = withResolvers<unknown>();
        send(command);
        return Promise.race([result.promise, failure.promise]);
      },
      async end(): Promise<void> {
        send({ kind: 'end' });
        await exited;
      },
    };
  } catch (error) {
    await worker.terminate();
    throw error;
  }
}
