import { join } from 'node:path';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { median } from '../../scripts/lib/statistics.ts';
import { UserError } from '../../scripts/lib/user-error.ts';

/** Where the worker bench leaves its figures. */
export const workerResultPath = join(rootFolder, 'bench', 'results', 'worker.json');

/** The part of a worker bench's result that is read here. */
interface WorkerResult {
  name?: string;
  candidates?: { name: string; rounds: Record<string, number>[] }[];
}

export interface WorkerCapacity {
  sizeMiB: number;
  jobsAtOnce: number;
  videosPerMinute: number;
  meanServiceSeconds: number;
  /** Of those; null where the bench did not tell. */
  meanPublishSeconds: number | null;
  cpuSecondsPerVideo: number;
}

/**
 * One row for each size of file: the number of jobs at once that does most.
 * @throws UserError for what is no result of the worker bench.
 */
export function readWorkerMatrix(text: string): WorkerCapacity[] {
  const { name, candidates = [] } = JSON.parse(text) as WorkerResult;
  const cells = candidates.flatMap(({ name: cell, rounds }) => {
    const [, size, jobs] = /^(\d+) MiB, (\d+) at once$/.exec(cell) ?? [];
    if (size === undefined || jobs === undefined) return [];
    const read = (figure: string) => median(rounds.map((round) => round[figure] ?? Number.NaN));
    const publishSeconds = read('meanPublishSeconds');
    return [
      {
        ...{ sizeMiB: Number(size), jobsAtOnce: Number(jobs), videosPerMinute: read('videosPerMinute') },
        meanPublishSeconds: Number.isNaN(publishSeconds) ? null : publishSeconds,
        ...{ meanServiceSeconds: read('meanServiceSeconds'), cpuSecondsPerVideo: read('cpuSecondsPerVideo') },
      },
    ];
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

/** The row whose files are nearest to this size. */
export function pickWorker(matrix: readonly WorkerCapacity[], sizeMiB: number): WorkerCapacity | undefined {
  return [...matrix].sort((a, b) => Math.abs(a.sizeMiB - sizeMiB) - Math.abs(b.sizeMiB - sizeMiB))[0];
}
