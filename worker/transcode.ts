import type { MessagePort } from 'node:worker_threads';
import { lastLines, ProcessCrashedError, runTool } from './ffmpeg.ts';
import { openProgressReader, readCost } from './ffmpeg-output.ts';
import type { Command } from './sandbox.ts';
import type { Shortage } from './tool-shortage.ts';

/** The task of a pool thread. All fields can be cloned or transferred between threads. */
export interface TranscodeTask extends Command {
  readonly folder: string;
  readonly wallMs: number;
  /** The expected duration of the rendition, for the percentage. */
  readonly seconds: number;
  readonly port: MessagePort;
}

export type TranscodeReport = { readonly pid: number } | { readonly percent: number };

/** The outcome as a value, because an error loses its class between threads. */
export type TranscodeOutcome =
  | { readonly kind: 'done'; readonly cpuSeconds: number; readonly peakBytes: number }
  | { readonly kind: 'crashed'; readonly message: string; readonly shortage: Shortage | undefined }
  | { readonly kind: 'unreadable' | 'aborted'; readonly message: string };

/**
 * Runs FFmpeg in a pool thread and reports its progress. Uses neither database, queue nor object store. Called without a task, it
 * returns at once: the call only makes piscina start a thread.
 */
export async function transcode(task: TranscodeTask | undefined): Promise<TranscodeOutcome> {
  if (task === undefined) return { kind: 'aborted', message: 'No task' };
  const { port } = task;
  const controller = new AbortController();
  port.on('message', () => controller.abort());
  const send = (report: TranscodeReport) => port.postMessage(report);
  try {
    const result = await runTool({
      ...task,
      signal: controller.signal,
      onStart: (pid) => send({ pid }),
      onOutput: openProgressReader(task.seconds, (percent) => send({ percent })),
    });
    if (result.code === 0) return { kind: 'done', ...readCost(result.errors) };
    return { kind: 'unreadable', message: lastLines(result.errors) };
  } catch (error) {
    if (controller.signal.aborted) return { kind: 'aborted', message: 'The job was aborted' };
    if (error instanceof ProcessCrashedError)
      return { kind: 'crashed', message: error.message, shortage: error.shortage };
    throw error;
  } finally {
    port.close();
  }
}
