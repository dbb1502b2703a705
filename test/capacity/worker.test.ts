import t from 'tap';
import { pickWorker, readWorkerMatrix } from '../../capacity_planning/lib/worker-capacity.ts';

const round = (videosPerMinute: number) => ({ videosPerMinute, meanServiceSeconds: 20, cpuSecondsPerVideo: 30 });
const text = JSON.stringify({
  name: 'worker',
  candidates: [
    { name: '10 MiB, 1 at once', rounds: [round(3), round(5), round(4)] },
    { name: '10 MiB, 2 at once', rounds: [round(6)] },
    { name: '100 MiB, 2 at once', rounds: [{ ...round(2), meanPublishSeconds: 0.5 }] },
    { name: 'always one thread', rounds: [round(9)] },
  ],
});

t.test('each file size has the row with the highest median throughput', (t) => {
  const matrix = readWorkerMatrix(text);
  t.strictSame(
    matrix.map(({ sizeMiB, jobsAtOnce, videosPerMinute, meanPublishSeconds }) => {
      return [sizeMiB, jobsAtOnce, videosPerMinute, meanPublishSeconds];
    }),
    [
      [10, 2, 6, null],
      [100, 2, 2, 0.5],
    ],
  );
  t.equal(pickWorker(matrix, 66)?.sizeMiB, 100);
  t.equal(pickWorker([], 66), undefined);
  t.end();
});

t.test('a file that is not a result of the worker bench is refused', (t) => {
  t.throws(() => readWorkerMatrix('{"name":"vote","candidates":[]}'), /Expected a result of `npm run bench -- worker`/);
  t.end();
});
