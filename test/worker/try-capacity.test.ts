import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Logger } from '../../src/log.ts';
import { showcaseProfile } from '../../worker/profile.ts';
import type { Sandbox } from '../../worker/sandbox.ts';
import { openScratch } from '../../worker/scratch.ts';
import { expectedMemoryBytes, largestPicture, type WorkerCapacity, workerCapacity } from '../../worker/tool-limits.ts';
import { tryCapacity } from '../../worker/try-capacity.ts';
import { makeFolder, openParts } from './support/clips.ts';

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;

t.test(
  'every number of threads that a machine of 1 to 64 cores gives one job succeeds on the largest picture',
  async (t) => {
    const rows = [
      { cores: 1, line: { threadsOfOneJob: 1, memoryOfOneJobMiB: 1_357, toolsMiB: 1_536, tasksOfOneJob: 56 } },
      { cores: 64, line: { threadsOfOneJob: 8 } },
    ];
    for (const { cores, line } of rows) {
      const capacity = workerCapacity({ cores, memoryBytes: 2 * cores * GiB });
      const trial = await openTrial(t);
      const { threadsMax } = await tryCapacity(trial.deps, capacity);
      t.equal(threadsMax, capacity.threadsMax, `${cores} cores`);
      t.match(trial.lines, [{ cores, ...line }], 'one line in the log has what was found');
      t.same(await readdir(join(trial.dataDir, 'scratch')), [], 'nothing is left');
    }
  },
);

t.test('with too little memory for its threads a job gets fewer', async (t) => {
  const planned: WorkerCapacity = { cores: 8, threadsMax: 8, memoryBytes: 8 * expectedMemoryBytes(largestPicture, 1) };
  const trial = await openTrial(t, 350 * MiB);
  const outcome = await tryCapacity(trial.deps, planned).catch((error: unknown) => error);
  t.match(outcome, { name: 'ConfigError' });
  t.same(
    trial.lines.map(({ threads }) => threads),
    [8, 4, 2, 1],
  );
  const roomier = await openTrial(t, 750 * MiB);
  const lowered = await tryCapacity(roomier.deps, planned);
  t.ok(lowered.threadsMax < 8 && lowered.threadsMax >= 1, `${lowered.threadsMax} threads`);
});

t.test('a worker without enough memory for one thread reports what it needs', async (t) => {
  const { deps } = await openTrial(t);
  const tiny = workerCapacity({ cores: 2, memoryBytes: 600 * MiB });
  await t.rejects(tryCapacity(deps, tiny), {
    name: 'ConfigError',
    message:
      /^Cannot start: Expected FFmpeg to process a video of 4096x2304 with one thread in 216 MiB .*WORKER_MEMORY_MIB/,
  });
});

/** `memoryMaxBytes` bounds a run more tightly than its capacity says. */
async function openTrial(t: Test, memoryMaxBytes = Number.POSITIVE_INFINITY) {
  const { tools, sandbox } = await openParts(t);
  const dataDir = await makeFolder(t);
  const lines: Record<string, unknown>[] = [];
  const keep = (line: Record<string, unknown>) => lines.push(line);
  const counted: Sandbox = {
    ...sandbox,
    wrap: (folder, tool, args, cpuSeconds, bounds) => {
      const memoryBytes = Math.min(bounds?.memoryBytes ?? memoryMaxBytes, memoryMaxBytes);
      return sandbox.wrap(folder, tool, args, cpuSeconds, bounds && { ...bounds, memoryBytes });
    },
  };
  const log = { info: keep, warn: keep } as unknown as Logger;
  const deps = { log, tools, sandbox: counted, scratch: openScratch(dataDir), profile: showcaseProfile };
  return { deps, lines, dataDir };
}
