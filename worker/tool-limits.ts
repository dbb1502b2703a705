import {
  machineReservedBytes,
  machineReservedShare,
  pictureLongSideMaxPixels,
  pictureShortSideMaxPixels,
  rowsPerThreadMin,
  toolMemoryFloorBytes,
  toolTasksBase,
  toolTasksPerThread,
  toolThreadsMax,
} from './limits.ts';
import type { Machine } from './machine.ts';

const MiB = 1024 * 1024;

/** The facts of a source that its memory and its threads depend on. */
export type PictureFacts = { readonly width: number; readonly height: number; readonly pixelFormat: string };

/** The bounds of one run of FFmpeg or ffprobe. The kernel and the watch enforce them. */
export interface ToolBounds {
  /** Maximum memory of the tool's processes together, without mapped files. */
  readonly memoryBytes: number;
  /** Maximum processes and threads that the tool starts. */
  readonly tasksMax: number;
}

export interface ToolLimits extends ToolBounds {
  readonly threads: number;
}

/** The capacity that all tools of a worker share. */
export interface WorkerCapacity {
  /** The most FFmpeg threads at any moment. */
  readonly cores: number;
  readonly memoryBytes: number;
  /** The most threads of one job. */
  readonly threadsMax: number;
}

/** The largest picture that is accepted, with 10 bits a sample. */
export const largestPicture: PictureFacts = {
  width: pictureLongSideMaxPixels,
  height: pictureShortSideMaxPixels,
  pixelFormat: 'yuv420p10le',
};

/**
 * Returns how much of a machine the tools may use. A part of the memory is reserved for the worker itself and the system. The
 * rest limits the number of cores: each core must be able to run a job of one thread on the largest picture at the same time.
 */
export function workerCapacity({ cores, memoryBytes }: Machine): WorkerCapacity {
  const reservedBytes = Math.max(machineReservedBytes, memoryBytes * machineReservedShare);
  const toolBytes = Math.max(0, Math.floor(memoryBytes - reservedBytes));
  const fitting = Math.floor(toolBytes / expectedMemoryBytes(largestPicture, 1));
  const usable = Math.max(1, Math.min(cores, fitting));
  return { cores: usable, memoryBytes: toolBytes, threadsMax: Math.min(usable, toolThreadsMax) };
}

/**
 * Returns the limits of one run. A run of n threads gets at most n / cores of the tools' memory, so that the runs of a worker
 * never hold more than all of it, and at most twice what the picture is expected to need, because files differ in how many
 * frames a decoder has to keep. `toolMemoryFloorBytes` is allowed whatever the picture, where the share permits.
 */
export function toolLimits(capacity: WorkerCapacity, picture: PictureFacts, threads: number): ToolLimits {
  const share = Math.floor((capacity.memoryBytes * Math.min(threads, capacity.cores)) / capacity.cores);
  const wanted = Math.max(toolMemoryFloorBytes, 2 * expectedMemoryBytes(picture, threads));
  return { threads, memoryBytes: Math.min(share, wanted), tasksMax: toolTasksMax(threads) };
}

/**
 * Returns the number of threads that are useful for a picture of so many rows. Codecs divide a picture into rows: with fewer
 * rows a thread, the threads wait for each other, and each still costs memory.
 */
export function usefulThreads(rows: number): number {
  return Math.max(1, Math.min(toolThreadsMax, Math.floor(rows / rowsPerThreadMin)));
}

/** Returns the most threads that a job with this source can use: to decode it or to encode the rendition. */
export function usefulJobThreads(source: PictureFacts, renditionRows: number): number {
  return Math.max(usefulThreads(Math.min(source.width, source.height)), usefulThreads(renditionRows));
}

/**
 * Returns the private memory that FFmpeg is expected to need: a fixed part (libraries, filters and the encoder's frames), a
 * part for each thread (its stack, an encoder's frame), and decoded frames, of which each decoder thread holds more. Fitted to
 * measurements of FFmpeg 5.1 and 7.1 with 1 to 8 threads, which stay below it; a picture that refers to 16 frames exceeds it.
 */
export function expectedMemoryBytes(picture: PictureFacts, threads: number): number {
  const frames = 8 + 1.5 * threads;
  return Math.ceil(390 * MiB + 32 * MiB * threads + frames * decodedFrameBytes(picture));
}

/** The bounds of a run with an unknown picture: those of the largest one with the most threads, whatever the machine. */
export const largestBounds: ToolBounds = {
  memoryBytes: 2 * expectedMemoryBytes(largestPicture, toolThreadsMax),
  tasksMax: toolTasksMax(toolThreadsMax),
};

/** Returns the processes and threads of one run: FFmpeg's, the sandbox's, and per thread a decoder, a filter and an encoder. */
function toolTasksMax(threads: number): number {
  return toolTasksBase + toolTasksPerThread * threads;
}

function decodedFrameBytes({ width, height, pixelFormat }: PictureFacts): number {
  const bytesPerSample = /(?:9|10|12|14|16)(?:le|be)$/.test(pixelFormat) ? 2 : 1;
  return width * height * samplesPerPixel(pixelFormat) * bytesPerSample;
}

/** Returns the samples per pixel. An unknown format counts as the largest. */
function samplesPerPixel(pixelFormat: string): number {
  if (/^gray/.test(pixelFormat)) return 1;
  if (/^(?:yuvj?420|nv12|p010)/.test(pixelFormat)) return 1.5;
  if (/^(?:yuvj?422|nv16|p210)/.test(pixelFormat)) return 2;
  if (/^(?:yuvj?4(?:44|40|11|10)|gbrp|rgb24|bgr24)/.test(pixelFormat)) return 3;
  return 4;
}
