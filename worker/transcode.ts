import type { MessagePort } from 'node:worker_threads';
import { runTool, ToolCrashed } from './ffmpeg.ts';
import { openProgressReader, readCost } from './ffmpeg-output.ts';
import type { Command } from './sandbox.ts';

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
  | { readonly kind: 'unreadable' | 'crashed' | 'aborted'; readonly message: string };

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
    return { kind: isOurFault(result.errors) ? 'crashed' : 'unreadable', message: lastLines(result.errors) };
  } catch (error) {
    if (controller.signal.aborted) return { kind: 'aborted', message: 'The job was given up' };
    if (error instanceof ToolCrashed) return { kind: 'crashed', message: error.message };
    throw error;
  } finally {
    port.close();
  }
}

/**
 * The machine or the sandbox had no room, or somebody asked FFmpeg to stop, which it then does in good order: another try
 * may go better.
 */
function isOurFault(errors: string): boolean {
  const noRoom = /No space left on device|Cannot allocate memory|Resource temporarily unavailable/;
  return noRoom.test(errors) || /^(?:bwrap|prlimit|setpriv):|^Exiting normally, received signal/m.test(errors);
}

function lastLines(errors: string): string {
  return errors.trim().split('\n').slice(-3).join(' | ').slice(-500);
}
