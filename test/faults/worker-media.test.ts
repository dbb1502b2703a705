import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createEnvironment, type Environment } from '../support/environment.ts';
import { type RunningService, startService } from '../support/service.ts';
import { makeFolder } from '../worker/support/clips.ts';
import { insertPlayer, upload } from '../worker/support/upload.ts';
import { openFaultRun } from './support/fault-run.ts';
import { type HostileFile, makeBombs, makeSeeds, makeTruncations } from './support/hostile-media.ts';
import { mutate } from './support/mutate.ts';
import { faultEnvironment, settle } from './support/settle.ts';
import { findTools, listScratch, untilEnded } from './support/worker-run.ts';

const run = openFaultRun('worker-media', 24, (rounds) => rounds * 50);
/** This many jobs are queued at once. */
const batchFiles = 50;
t.setTimeout(240_000 + run.rounds * 3_000);

t.test('whatever the file, the worker lives and the row ends', async (t) => {
  const environment = await createEnvironment(t, faultEnvironment);
  const folder = await makeFolder(t);
  const worker = await startService(t, environment, { webProcesses: 0, worker: true });
  const stage: Stage = { t, environment, folder, worker, counts: {} };
  const seeds = await makeSeeds(folder);

  await playAll(stage, 'whole', seeds);
  t.equal(stage.counts['whole_processed'], seeds.length, 'as they were made, all are good');
  const bombs = await makeBombs(folder);
  await playAll(stage, 'bombs', run.isLong ? bombs : bombs.filter(({ name }) => !name.startsWith('a picture of')));
  const cuts = await makeTruncations(seeds);
  await playAll(stage, 'cut', run.isLong ? cuts : cuts.filter((_, i) => i % 8 === 0));
  for (let done = 0; done < run.rounds; done += batchFiles) {
    const count = Math.min(batchFiles, run.rounds - done);
    await playAll(
      stage,
      'mutated',
      Array.from({ length: count }, () => mutateOne(seeds)),
    );
  }

  t.strictSame([findTools(environment), listScratch(environment)], [[], []]);
  const { breaks } = await settle(environment, [], []);
  t.strictSame(breaks, []);
  run.report({ worker_deaths: worker.worker.filter((each) => each.hasExited()).length, ...stage.counts });
});

interface Stage {
  t: Test;
  environment: Environment;
  folder: string;
  worker: RunningService;
  counts: Record<string, number>;
}

function mutateOne(seeds: readonly HostileFile[]): HostileFile {
  const { name, bytes } = run.random.pick(seeds);
  return { name, bytes: mutate(bytes, run.random) };
}

async function playAll(stage: Stage, kind: string, files: readonly HostileFile[]): Promise<void> {
  const { t, environment, folder, worker, counts } = stage;
  const player = await insertPlayer(environment);
  const ids: number[] = [];
  for (const { bytes } of files) {
    const path = join(folder, 'file.mp4');
    await writeFile(path, bytes);
    ids.push((await upload(environment, path, player)).id);
  }
  for (const [i, id] of ids.entries()) {
    const { status, crashes, failure_reason: reason } = await untilEnded(environment, id, 180_000);
    const outcome = status === 'failed' && /fault is on our side/.test(reason ?? '') ? 'given_up' : status;
    counts[`${kind}_${outcome}`] = (counts[`${kind}_${outcome}`] ?? 0) + 1;
    if (crashes > 0) t.comment(`${files[i]?.name}: ${status} after ${crashes} crashes, ${reason}`);
  }
  t.notOk(
    worker.worker.some((each) => each.hasExited()),
    `the worker lives after ${kind}`,
  );
}
