import { existsSync, readFileSync } from 'node:fs';
import { UserError } from '../../scripts/lib/user-error.ts';
import { readWorkerMatrix, workerResultPath } from '../lib/worker-capacity.ts';
import { readDemand } from '../rehearsal/inputs.ts';
import { exitCodes, type Options } from './options.ts';

/** Prints the worker bench's result as backlog per worker and as workers needed for a deadline. */
export async function showWorker(path: string | undefined, { json }: Options): Promise<number> {
  const from = path ?? workerResultPath;
  if (!existsSync(from))
    throw new UserError(`Expected ${from} to be there (npm run bench -- worker), got nothing. Run the bench first.`);
  const { playableWithinMinutes, videosOfABurst } = readDemand();
  const rows = readWorkerMatrix(readFileSync(from, 'utf8')).map((row) => {
    const backlogPerWorker = Math.floor(row.videosPerMinute * playableWithinMinutes);
    return { ...row, backlogPerWorker, workersForTheBurst: Math.ceil(videosOfABurst / Math.max(1, backlogPerWorker)) };
  });
  const lines = rows.map(
    ({ sizeMiB, jobsAtOnce, videosPerMinute, meanServiceSeconds, backlogPerWorker, workersForTheBurst }) =>
      `${sizeMiB} MiB: ${videosPerMinute.toFixed(2)} videos/min per worker at ${jobsAtOnce} at once, ${meanServiceSeconds.toFixed(1)} s each; ` +
      `backlog per worker ${backlogPerWorker} for ${playableWithinMinutes} min, ${workersForTheBurst} workers for ${videosOfABurst} videos`,
  );
  process.stdout.write(json ? `${JSON.stringify(rows)}\n` : `${lines.join('\n')}\n`);
  return exitCodes.pass;
}
