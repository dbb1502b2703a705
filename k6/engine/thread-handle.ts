import { Worker } from 'node:worker_threads';
import { exitCodes, RunFailure } from './exit-codes.ts';
import type { ThreadCommand, ThreadEvent, ThreadSettings } from './messages.ts';
import { withResolvers } from './with-resolvers.ts';

type Loaded = Extract<ThreadEvent, { kind: 'loaded' }>;
type Progress = Extract<ThreadEvent, { kind: 'progress' }>;

export type ThreadHandle = Awaited<ReturnType<typeof startThread>>;

/** Young objects are let go of early: the chunks of an upload are such, and weigh more than they look (with 4 it was 150 MB now and then). */
const resourceLimits = { maxYoungGenerationSizeMb: 1 };

/** A thread with the script loaded, ready for orders. Rejects with the reason when the script cannot be loaded. */
export async function startThread(settings: ThreadSettings, onProgress: (progress: Progress) => void) {
  // What the process itself was started with (a loader of tests, say) is no business of the thread.
  const worker = new Worker(new URL('./thread.js', import.meta.url), {
    workerData: settings,
    execArgv: [],
    resourceLimits,
  });
  const failure = withResolvers<never>();
  failure.promise.catch(() => undefined);
  const finished = withResolvers<void>();
  let answer = withResolvers<unknown>();
  worker.on('error', (error) =>
    failure.reject(new RunFailure(error.stack ?? error.message, exitCodes.scriptException)),
  );
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  exited.then(() => failure.reject(new RunFailure('A thread ended by itself', exitCodes.scriptException)));
  const loaded = withResolvers<Loaded>();
  worker.on('message', (report: ThreadEvent) => {
    if (report.kind === 'loaded') loaded.resolve(report);
    else if (report.kind === 'progress') onProgress(report);
    else if (report.kind === 'finished') finished.resolve();
    else if (report.kind === 'done') answer.resolve(report.result);
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
      /** For orders that are answered with a result. */
      call(command: ThreadCommand): Promise<unknown> {
        answer = withResolvers<unknown>();
        send(command);
        return Promise.race([answer.promise, failure.promise]);
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
