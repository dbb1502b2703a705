import { KiB, MiB } from '../src/limits.ts';

/** Back-off of a job's retries: its first pause and its longest one. */
export const jobRetryBaseMs = 1_000;
export const jobRetryMaxMs = 30_000;

/** Interval at which a worker checks its dependencies, since no load balancer does. */
export const workerHealthCheckMs = 5_000;

/** Limits of a source: longer and shorter side of its picture, duration, tracks and frame rate. */
export const pictureLongSideMaxPixels = 4_096;
export const pictureShortSideMaxPixels = 2_304;
export const pictureMaxPixels = pictureLongSideMaxPixels * pictureShortSideMaxPixels;
export const sourceMaxSeconds = 600;
export const sourceMaxStreams = 32;
export const sourceMaxFramesPerSecond = 240;
/** Memory reserved for the worker process and the system: at least this, and this share of a larger machine. */
export const machineReservedBytes = 384 * MiB;
export const machineReservedShare = 0.25;
/** Minimum memory limit of an FFmpeg run, whatever its picture, if the machine has as much. */
export const toolMemoryFloorBytes = 1_280 * MiB;
/** Stack of each thread of a tool: reserved address space, which counts towards the memory limit. */
export const toolStackBytes = 2 * MiB;
/** Maximum threads of a job. Other jobs run on the remaining cores. */
export const toolThreadsMax = 8;
/** Minimum rows of a picture for each thread. */
export const rowsPerThreadMin = 90;
/** Processes and threads that a run may have: this base, and so many per requested thread. FFmpeg 7.1 has 46 with 8. */
export const toolTasksBase = 48;
export const toolTasksPerThread = 8;
/** Interval at which the processes of a tool are counted and their memory is summed. */
export const toolWatchMs = 500;
/** Maximum size of each file that a tool writes. It can write only to the outputs of its job. */
export const toolFileMaxBytes = 256 * MiB;
export const toolOpenFilesMax = 256;
export const transcodeWallMs = 10 * 60_000;
/** Time limit of the capacity trial at start, which usually takes two seconds. */
export const capacityTrialWallMs = 60_000;
export const probeWallMs = 30_000;
export const toolOutputMaxBytes = 1 * MiB;
export const toolErrorTailBytes = 16 * KiB;
/** Crashes after which a video is set to `failed`. */
export const jobCrashesMax = 3;
/** Minimum pause before the retry of a job for which the machine lacked memory, disk or processes. */
export const jobShortageRetryMs = 5_000;
export const poolThreadHeapMiB = 64;
/** Time in which a pool thread must start FFmpeg. */
export const poolThreadStartMs = 30_000;
/** Time in which a pool thread must end its process before the thread is terminated. */
export const poolThreadEndMs = 5_000;
export const progressIntervalMs = 1_000;

export const objectSweepIntervalMs = 60_000;
export const sweepPageRows = 10_000;
export const sweepBatchKeys = 500;
export const ranksPerSweepMax = 500;
export const intentsPerSweepMax = 500;
/** Objects of one folder that a sweep lists in one pass. */
export const objectsPerSweepMax = 50_000;
/** Time that a stopping worker gives its jobs to finish, and the time to requeue them afterwards. */
export const workerDrainMs = 20_000;
export const workerRequeueMs = 5_000;
export const workerDatabaseConnections = 6;
export const movieIndexMaxBytes = 16 * MiB;
