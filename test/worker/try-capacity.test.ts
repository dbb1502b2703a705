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
    for (const cores of [1, 64]) {
      const { capacity, outcome } = await run(t, workerCapacity({ cores, memoryBytes: 2 * cores * GiB }));
      t.equal(outcome.threadsMax, capacity.threadsMax, `${cores} cores`);
    }
  },
);

t.test('one line in the log says what was found, and nothing is left', async (t) => {
  const trial = await openTrial(t);
  await tryCapacity(trial.deps, workerCapacity({ cores: 1, memoryBytes: 2 * GiB }));
  t.match(trial.lines, [
    { cores: 1, threadsOfOneJob: 1, memoryOfOneJobMiB: 1_357, toolsMiB: 1_536, tasksOfOneJob: 56 },
  ]);
  t.same(await readdir(join(trial.dataDir, 'scratch')), []);
});

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

t.test('a worker without enough memory for one thread is told what it needs', async (t) => {
  const { deps } = await openTrial(t);
  const tiny = workerCapacity({ cores: 2, memoryBytes: 600 * MiB });
  await t.rejects(tryCapacity(deps, tiny), {
    name: 'ConfigError',
    message:
      /^Cannot start: Expected FFmpeg to process a video of 4096x2304 with one thread in 216 MiB .*WORKER_MEMORY_MIB/,
  });
});

async function run(t: Test, capacity: WorkerCapacity) {
  const { deps } = await openTrial(t);
  return { capacity, outcome: await tryCapacity(deps, capacity) };
}

/** `memoryMaxBytes` bounds a run more tightly than its capacity says. */
async function openTrial(t: Test, memoryMaxBytes = Number.POSITIVE_INFINITY) {
  const { tools, sandbox } = await openParts(t);
  const dataDir = await makeFolder(t);
  const lines: Record<string, unknown>[] = [];
  const keep = (line: Record<string, unknown>) => lines.push(line);
  const counted: Sandbox = {
    ...sandbox,
    wrap: (folder, tool, args, { bounds, ...limits }) => {
      const memoryBytes = Math.min(bounds?.memoryBytes ?? memoryMaxBytes, memoryMaxBytes);
      return sandbox.wrap(folder, tool, args, { ...limits, bounds: bounds && { ...bounds, memoryBytes } });
    },
  };
  const log = { info: keep, warn: keep } as unknown as Logger;
  const deps = { log, tools, sandbox: counted, scratch: openScratch(dataDir), profile: showcaseProfile };
  return { deps, lines, dataDir };
}
