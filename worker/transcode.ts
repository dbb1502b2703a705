import type { MessagePort } from 'node:worker_threads';
import { lastLines, ProcessCrashedError, runTool } from './ffmpeg.ts';
import { openProgressReader, readCost } from './ffmpeg-output.ts';
import type { Command } from './sandbox.ts';
import type { Shortage } from './tool-shortage.ts';

/** What the main thread asks of a pool thread. Everything in it can be copied from thread to thread. */
export interface TranscodeTask extends Command {
  readonly folder: string;
  readonly wallMs: number;
  /** How long the rendition will be, for the percentage. */
  readonly seconds: number;
  readonly port: MessagePort;
}

export type TranscodeReport = { readonly pid: number } | { readonly percent: number };

/** An error's class does not survive the way between threads: what went wrong is told as a value. */
export type TranscodeOutcome =
  | { readonly kind: 'done'; readonly cpuSeconds: number; readonly peakBytes: number }
  | { readonly kind: 'crashed'; readonly message: string; readonly shortage: Shortage | undefined }
  | { readonly kind: 'unreadable' | 'aborted'; readonly message: string };

/**
 * Runs in a pool thread, which starts FFmpeg and reads along, and knows neither database, queue nor objects. Without a task
 * it is only the thread that was asked for.
 */
export async function transcode(task: TranscodeTask | undefined): Promise<TranscodeOutcome> {
  if (task === undefined) return { kind: 'aborted', message: 'There was nothing to do' };
  const { port } = task;
  const controller = new AbortController();
  port.on('message', () => controller.abort());
  const tell = (report: TranscodeReport) => port.postMessage(report);
  try {
    const result = await runTool({
      ...task,
      signal: controller.signal,
      onStart: (pid) => tell({ pid }),
      onOutput: openProgressReader(task.seconds, (percent) => tell({ percent })),
    });
    if (result.code === 0) return { kind: 'done', ...readCost(result.errors) };
    return { kind: 'unreadable', message: lastLines(result.errors) };
  } catch (error) {
    if (controller.signal.aborted) return { kind: 'aborted', message: 'The job was given up' };
    if (error instanceof ProcessCrashedError)
      return { kind: 'crashed', message: error.message, shortage: error.shortage };
    throw error;
  } finally {
    port.close();
  }
}
