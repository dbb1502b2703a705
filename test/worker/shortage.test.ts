import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { waitFor } from '../../scripts/lib/wait.ts';
import { processVideo } from '../../worker/process-video.ts';
import { videoQueuePolicy } from '../../worker/retry-policy.ts';
import type { Sandbox } from '../../worker/sandbox.ts';
import { findTools, untilEnded } from '../faults/support/worker-run.ts';
import { x264 } from '../support/clip.ts';
import { createEnvironment, type Environment } from '../support/environment.ts';
import { type RunningService, startService } from '../support/service.ts';
import { makeClip } from './support/clips.ts';
import { readVideo, uploadClip } from './support/upload.ts';
import { openWorkerDeps } from './support/worker-deps.ts';

const never = new AbortController().signal;
t.setTimeout(900_000);
const isRoot = process.getuid?.() === 0;
const atEveryAttempt = /at every attempt\. The fault is on our side; please upload the video again later\.$/;

t.test('FFmpeg that is killed at every attempt is our fault, and three attempts are all', async (t) => {
  const environment = await createEnvironment(t);
  const { id } = await uploadClip(t, environment, makeClip('640x360', 10, '30'));
  const service = await startWorker(t, environment);
  const killer = setInterval(() => {
    for (const pid of findTools(environment)) killQuietly(pid);
  }, 100);
  t.teardown(() => clearInterval(killer));
  const video = await untilEnded(environment, id, 90_000);
  t.match(video, { status: 'failed', attempt: 3, failure_reason: atEveryAttempt });
  t.match(video.failure_reason, /stopped from outside/);
  t.match(lastFailure(service), { toolOutput: /ended by SIGKILL/ });
  t.equal(linesOf(service, 'video requeued').length, 2);
});

t.test('a clip that needs more memory than its limit fails as our fault', async (t) => {
  const environment = await createEnvironment(t, { values: { WORKER_CORES: '1', WORKER_MEMORY_MIB: '1080' } });
  // Sixteen frames of reference of 57 MiB each: more than the 696 MiB of this worker.
  const greedy = [...x264.slice(0, 4), '-pix_fmt', 'yuv444p10le', '-refs', '16', '-bf', '0', '-g', '100'];
  const { id } = await uploadClip(t, environment, makeClip('4096x2304', 0.6, '30', greedy));
  const service = await startWorker(t, environment);
  t.match(linesOf(service, 'limits of FFmpeg, tried with the largest picture'), [
    { cores: 1, threadsOfOneJob: 1, memoryOfOneJobMiB: 696 },
  ]);
  const video = await untilEnded(environment, id, 180_000);
  t.match(video, { status: 'failed', attempt: 3, failure_reason: /ran out of memory/ });
  t.match(video.failure_reason, atEveryAttempt);
  t.match(lastFailure(service), { toolOutput: /Cannot allocate memory|malloc of size \d+ failed/ });
});

t.test('a full disk is our fault, while FFmpeg writes and while the source arrives', { skip: !isRoot }, async (t) => {
  for (const [megabytes, during] of [
    [6, 'transcode'],
    [1, 'download'],
  ] as const) {
    const environment = await createEnvironment(t);
    mountSmall(t, join(environment.config.dataDir, 'scratch'), megabytes);
    const noise = [...x264.slice(0, 4), '-pix_fmt', 'yuv420p', '-vf', 'noise=alls=60:allf=t', '-b:v', '4M'];
    const { id } = await uploadClip(t, environment, makeClip('640x360', 6, '30', noise));
    const service = await startWorker(t, environment);
    const video = await untilEnded(environment, id, 120_000);
    t.match(video, { status: 'failed', attempt: 3, failure_reason: /ran out of disk space/ }, during);
    t.match(video.failure_reason, atEveryAttempt);
    t.match(lastFailure(service), { toolOutput: /No space left on device|ENOSPC/ });
    const { seconds } = lastFailure(service) as { seconds?: Record<string, number> };
    t.equal(Object.keys(seconds ?? {}).at(-1), during);
    await service.stop();
  }
});

t.test('threads that FFmpeg may not start are our fault', async (t) => {
  const environment = await createEnvironment(t);
  const parts = await openWorkerDeps(t, environment);
  const { id, job } = await uploadClip(t, environment, makeClip('640x360', 20, '30'));
  const sandbox: Sandbox = {
    ...parts.sandbox,
    wrap: (folder, tool, args, cpuSeconds, bounds) =>
      parts.sandbox.wrap(folder, tool, args, cpuSeconds, bounds && { ...bounds, tasksMax: 5 }),
  };
  for (let attempt = 1; attempt <= 2; attempt += 1) {
    const error: unknown = await processVideo({ ...parts, sandbox }, job, never).catch((reason: unknown) => reason);
    t.match(error, { shortage: 'processes' });
    t.equal(videoQueuePolicy.pauseMinMs(error), 5_000);
    t.match(await readVideo(environment, id), { status: 'uploaded', crashes: attempt });
  }
  await processVideo({ ...parts, sandbox }, job, never);
  const video = await readVideo(environment, id);
  t.match(video, { status: 'failed', attempt: 3, failure_reason: /could not start enough processes/ });
  t.match(video.failure_reason, atEveryAttempt);
});

/** Waits for the trial of the limits: the worker's metrics answer before. */
async function startWorker(t: Test, environment: Environment): Promise<RunningService> {
  const service = await startService(t, environment, { webProcesses: 0, worker: true });
  await waitFor('the first job to be allowed', () => linesOf(service, 'worker started').length > 0, {
    timeoutMs: 60_000,
  });
  return service;
}

function mountSmall(t: Test, folder: string, megabytes: number): void {
  mkdirSync(folder, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder]);
  t.teardown(() => execFileSync('umount', ['--lazy', folder]));
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

const linesOf = (service: RunningService, message: string) => service.readLog().filter(({ msg }) => msg === message);
const lastFailure = (service: RunningService) => linesOf(service, 'video failed').at(-1);
