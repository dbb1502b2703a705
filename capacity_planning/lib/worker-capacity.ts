import { join } from 'node:path';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { median } from '../../scripts/lib/statistics.ts';
import { UserError } from '../../scripts/lib/user-error.ts';

/** The result file of the worker bench. */
export const workerResultPath = join(rootFolder, 'bench', 'results', 'worker.json');

/** The fields of the worker bench's result that are used here. */
interface WorkerResult {
  name?: string;
  candidates?: { name: string; rounds: Record<string, number>[] }[];
}

export interface WorkerCapacity {
  sizeMiB: number;
  jobsAtOnce: number;
  videosPerMinute: number;
  meanServiceSeconds: number;
  /** The part of the service time for publishing; null if the result does not have it. */
  meanPublishSeconds: number | null;
  cpuSecondsPerVideo: number;
}

/**
 * Returns one row per file size: the number of jobs at once with the highest throughput.
 * @throws UserError if the text is not a result of the worker bench.
 */
export function readWorkerMatrix(text: string): WorkerCapacity[] {
  const { name, candidates = [] } = JSON.parse(text) as WorkerResult;
  const cells = candidates.flatMap(({ name: candidate, rounds }) => {
    const [, size, jobs] = /^(\d+) MiB, (\d+) at once$/.exec(candidate) ?? [];
    if (size === undefined || jobs === undefined) return [];
    const read = (figure: string) => median(rounds.map((round) => round[figure] ?? Number.NaN));
    const publishSeconds = read('meanPublishSeconds');
    const cell: WorkerCapacity = {
      sizeMiB: Number(size),
      jobsAtOnce: Number(jobs),
      videosPerMinute: read('videosPerMinute'),
      meanServiceSeconds: read('meanServiceSeconds'),
      meanPublishSeconds: Number.isNaN(publishSeconds) ? null : publishSeconds,
      cpuSecondsPerVideo: read('cpuSecondsPerVideo'),
    };
    return [cell];
  });
  if (name !== 'worker' || cells.length === 0) {
    throw new UserError('Expected a result of `npm run bench -- worker`, got other JSON.');
  }
  const best = new Map<number, WorkerCapacity>();
  for (const cell of cells) {
    const known = best.get(cell.sizeMiB);
    if (known === undefined || cell.videosPerMinute > known.videosPerMinute) best.set(cell.sizeMiB, cell);
  }
  return [...best.values()].sort((a, b) => a.sizeMiB - b.sizeMiB);
}

/** Returns the row whose file size is nearest to `sizeMiB`. */
export function pickWorker(matrix: readonly WorkerCapacity[], sizeMiB: number): WorkerCapacity | undefined {
  return [...matrix].sort((a, b) => Math.abs(a.sizeMiB - sizeMiB) - Math.abs(b.sizeMiB - sizeMiB))[0];
}
