import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { waitFor } from '../../scripts/lib/wait.ts';
import { type VideoProducer, videoQueue } from '../../src/queue/video-queue.ts';
import { createEnvironment, type Environment } from '../support/environment.ts';
import { request } from '../support/http.ts';
import { type RunningService, type ServiceProcess, startService } from '../support/service.ts';
import { makeClip, makeFolder } from '../worker/support/clips.ts';
import { insertPlayer, readVideo, type Uploaded, upload } from '../worker/support/upload.ts';
import { openFaultRun } from './support/fault-run.ts';
import { faultEnvironment, settle } from './support/settle.ts';
import {
  countRenditions,
  findTools,
  listScratch,
  living,
  shortTimes,
  threadsEndOnSignal,
  untilClaimed,
  untilEnded,
} from './support/worker-run.ts';

const run = openFaultRun('worker-kills', 4);
/** The last tenth of a long run uses the lock times of production. */
const roundsWithProductionTimes = run.isLong ? Math.ceil(run.rounds / 10) : 0;
const videosPerRound = 2;
const kinds = ['worker', 'FFmpeg', 'thread', 'pause'] as const;
type Kind = (typeof kinds)[number];
/** Bound of the time after which a crashed job is retried in production. Only the long run checks it, since nothing else runs then. */
const restartMaxMs = 40_000;
t.setTimeout(120_000 + run.rounds * 30_000 + roundsWithProductionTimes * 60_000);

interface Stage {
  t: Test;
  environment: Environment;
  clip: string;
  producer: VideoProducer;
  times: Record<string, string>;
  counts: Record<string, number>;
  slowestRestartMs: number;
}

t.test('whichever process is killed or stopped, every video is processed once', async (t) => {
  const environment = await createEnvironment(t, faultEnvironment);
  const clip = join(await makeFolder(t), 'clip.mp4');
  await makeClip('640x360', 3, '25')(clip);
  const producer = videoQueue.openProducer(environment.config.redisUrl);
  t.teardown(() => producer.close());
  const stage: Stage = { t, environment, clip, producer, times: shortTimes, counts: {}, slowestRestartMs: 0 };
  let worker = await startWorker(stage);

  for (let round = 0; round < run.rounds; round += 1) {
    if (round === run.rounds - roundsWithProductionTimes) {
      await worker.stop();
      stage.times = {};
      worker = await startWorker(stage);
    }
    const kind = kinds[round % kinds.length] as Kind;
    worker = await playRound(stage, kind, worker);
    if (run.isLong) process.stderr.write(`faults worker-kills: round ${round} (${kind}) is over\n`);
  }
  await worker.stop();
  const videos = run.rounds * videosPerRound;
  t.equal(await countRenditions(environment), videos, 'exactly one rendition each, before any sweep for objects');
  t.strictSame(listScratch(environment), []);
  const { swept, breaks } = await settle(environment, [], []);
  t.strictSame(breaks, []);
  const { counts, slowestRestartMs } = stage;
  if (run.isLong) t.ok(slowestRestartMs < restartMaxMs, `the slowest ran again after ${slowestRestartMs} ms`);
  t.ok(
    Object.keys(counts).some((what) => what.startsWith('struck')),
    'some were at work when they were struck',
  );
  run.report({ kills: run.rounds, videos, ...counts, ms_slowest_restart: slowestRestartMs, ...swept });
});

/** Resolves to the worker that still runs, after the round's videos have ended. */
async function playRound(stage: Stage, kind: Kind, worker: RunningService): Promise<RunningService> {
  const { t, environment } = stage;
  const videos = await uploadSome(stage);
  await Promise.race(videos.map(({ id }) => untilClaimed(environment, id)));
  // Short enough that a fast machine still processes the videos.
  await sleep(run.random.int(0, run.isLong ? 1_500 : 300));
  const before = await Promise.all(videos.map(({ id }) => readVideo(environment, id)));
  const at = Date.now();
  const next = await strike(stage, kind, worker, videos);
  for (const [i, { id }] of videos.entries()) {
    const { status, crashes, attempt } = await untilEnded(environment, id);
    if (status !== 'processed' || crashes > 1) t.fail(`${kind}: video ${id} is ${status}, ${crashes} crashes`);
    const wasAtWork = before[i]?.status === 'uploaded' && before[i]?.attempt === 1;
    const isStruck = wasAtWork && attempt > 1;
    count(stage, isStruck ? `struck_by_${kind}` : wasAtWork ? 'unharmed' : 'not_at_work');
    if (isStruck)
      stage.slowestRestartMs = Math.max(stage.slowestRestartMs, (await startOf(environment, id)).getTime() - at);
  }
  await waitFor('no tool to be left', () => findTools(environment).length === 0);
  return next;
}

function startWorker({ t, environment, times }: Stage): Promise<RunningService> {
  return startService(t, environment, { webProcesses: 0, worker: true, env: { ...times, ...threadsEndOnSignal } });
}

async function uploadSome({ environment, clip, producer }: Stage): Promise<Uploaded[]> {
  const videos: Uploaded[] = [];
  for (let i = 0; i < videosPerRound; i += 1) {
    const video = await upload(environment, clip, await insertPlayer(environment));
    videos.push(video);
    // Some are left to the sweep.
    if (run.random.int(0, 3) > 0) await producer.add(video.job);
  }
  return videos;
}

async function strike(
  stage: Stage,
  kind: Kind,
  worker: RunningService,
  videos: readonly Uploaded[],
): Promise<RunningService> {
  const [victim] = living(worker.worker) as [ServiceProcess];
  if (kind === 'worker') {
    victim.signal('SIGKILL');
    await victim.exited;
    return startWorker(stage);
  }
  if (kind === 'thread') {
    victim.signal('SIGUSR2');
    return worker;
  }
  if (kind === 'FFmpeg') {
    await waitFor('FFmpeg, or the end', async () => {
      return killFirst(findTools(stage.environment)) || (await haveEnded(stage, videos));
    });
    return worker;
  }
  victim.signal('SIGSTOP');
  const other = await startWorker(stage);
  for (const { id } of videos) await untilEnded(stage.environment, id);
  victim.signal('SIGCONT');
  // The worker continues a job that the other worker has finished meanwhile, and abandons it.
  const [metricsUrl = ''] = worker.metricsUrls.worker;
  await waitFor('the worker to be awake', async () => (await request(metricsUrl)).status === 200);
  await worker.stop();
  return other;
}

/** Returns whether a process was killed: it may have ended since it was listed. */
function killFirst([pid]: readonly number[]): boolean {
  try {
    return pid !== undefined && process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    return false;
  }
}

async function haveEnded({ environment }: Stage, videos: readonly Uploaded[]): Promise<boolean> {
  const states = await Promise.all(videos.map(({ id }) => readVideo(environment, id)));
  return states.every(({ status }) => status !== 'uploaded');
}

function count({ counts }: Stage, what: string): void {
  counts[what] = (counts[what] ?? 0) + 1;
}

async function startOf({ sql }: Environment, id: number): Promise<Date> {
  const [row] = await sql<{ at: Date }[]>`select processing_started_at as at from videos where id = ${id}`;
  return row?.at ?? new Date(Number.NaN);
}
