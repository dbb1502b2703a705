import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import t, { type Test } from 'tap';
import { listProcesses } from '../../scripts/lib/processes.ts';
import { waitFor } from '../../scripts/lib/wait.ts';
import { openPool, type TranscodeRun } from '../../worker/pool.ts';
import { makeFolder } from './support/clips.ts';

t.test('an abort ends the process and everything it started', async (t) => {
  const { run, controller, started } = await startRun(t, 'sleep 60 & sleep 60');
  const pid = await started;
  await waitFor('a process with a child', () => membersOf(pid).length >= 2);
  controller.abort(new Error('enough'));
  await t.rejects(run, { message: 'enough' });
  await untilGone(pid);
});

t.test('an abort before the start starts nothing', async (t) => {
  const pool = openPool(1);
  t.teardown(() => pool.close());
  let starts = 0;
  const aborted = AbortSignal.abort(new Error('too late'));
  const run = {
    ...(await shell(t, 'exit 0')),
    signal: aborted,
    onStart: () => {
      starts += 1;
    },
  };
  await t.rejects(pool.transcode(run), { message: 'too late' });
  t.equal(starts, 0);
});

t.test('an abort in the very moment of the start leaves no process either', async (t) => {
  const pool = openPool(1);
  t.teardown(() => pool.close());
  for (const delayMs of [0, 2, 4, 8, 'start'] as const) {
    const controller = new AbortController();
    let pid: number | undefined;
    let tellStarted: () => void = () => undefined;
    const isStarted = new Promise<void>((resolve) => {
      tellStarted = resolve;
    });
    const run = pool.transcode({
      ...(await shell(t, 'sleep 60')),
      signal: controller.signal,
      onStart: (started) => {
        pid = started;
        tellStarted();
      },
    });
    run.catch(() => undefined);
    // Where in the start the delays fall depends on the machine.
    await (delayMs === 'start' ? isStarted : sleep(delayMs));
    controller.abort(new Error('stop'));
    await t.rejects(run, { message: 'stop' });
    if (pid !== undefined) await untilGone(pid);
  }
});

t.test('a thread that ends, be it while it starts, leaves no run waiting', async (t) => {
  const threads = new Set<Worker>();
  const remember = (thread: Worker) => {
    threads.add(thread);
    thread.once('exit', () => threads.delete(thread));
  };
  process.on('worker', remember);
  t.teardown(() => process.off('worker', remember));
  const pool = openPool(2);
  t.teardown(() => pool.close());
  const outcomes: string[] = [];
  const delaysMs = [0, 20, 40, 60, 80, 100, 120, 140];
  for (const delayMs of delaysMs) {
    const started = await Promise.all([shell(t, 'sleep 0.1'), shell(t, 'sleep 0.1')]);
    const runs = Promise.allSettled(
      started.map((run) => pool.transcode({ ...run, signal: new AbortController().signal })),
    );
    await sleep(delayMs);
    for (const thread of threads) thread.terminate();
    for (const { status, ...rest } of await runs) {
      outcomes.push(status === 'fulfilled' ? status : (rest as PromiseRejectedResult).reason.name);
    }
  }
  t.equal(outcomes.length, 2 * delaysMs.length);
  t.ok(
    outcomes.every((outcome) => outcome === 'fulfilled' || outcome === 'ProcessCrashedError'),
    outcomes.join(' '),
  );
  // A task that is given to a thread while it ends would be rejected with the thread.
  await Promise.all([...threads].map((thread) => thread.terminate()));
  const pids: number[] = [];
  const runs = [await shell(t, 'sleep 60'), await shell(t, 'sleep 60')].map((run) =>
    pool.transcode({ ...run, signal: new AbortController().signal, onStart: (pid) => pids.push(pid) }),
  );
  const ends = Promise.allSettled(runs);
  await waitFor('both processes', () => pids.length === 2);
  for (const thread of threads) thread.terminate();
  for (const end of await ends) t.match(end, { status: 'rejected', reason: { name: 'ProcessCrashedError' } });
  for (const pid of pids) await untilGone(pid);
});

t.test('a process that takes too long is ended, and counts as crashed', async (t) => {
  const { run } = await startRun(t, 'sleep 60', { wallMs: 200 });
  await t.rejects(run, { name: 'ProcessCrashedError', message: /within 200 ms/ });
});

t.test('a killed process counts as crashed, one that exits with an error as an unreadable file', async (t) => {
  await t.rejects((await startRun(t, 'kill -9 $$')).run, { name: 'ProcessCrashedError', message: /SIGKILL/ });
  await t.rejects((await startRun(t, 'exit 137')).run, { name: 'ProcessCrashedError', message: /SIGKILL/ });
  await t.rejects((await startRun(t, 'exit 159')).run, { name: 'ProcessCrashedError', message: /SIGSYS/ });
  await t.rejects((await startRun(t, 'echo bad data >&2; exit 1')).run, { name: 'InvalidVideoError' });
  await t.rejects((await startRun(t, 'echo No space left on device >&2; exit 1')).run, { name: 'ProcessCrashedError' });
});

t.test('a code that FFmpeg 7 makes of its own errors is a verdict on the file, however high', async (t) => {
  const pool = openPool(1);
  t.teardown(() => pool.close());
  for (const code of [128, 160, 183, 187, 234, 254, 255]) {
    const run = { ...(await shell(t, `exit ${code}`)), signal: new AbortController().signal };
    await t.rejects(pool.transcode(run), { name: 'InvalidVideoError' }, `${code}`);
  }
});

t.test('FFmpeg asked to stop ends in good order, which says nothing about the file', async (t) => {
  const asked = 'echo "Exiting normally, received signal 15." >&2; exit 255';
  await t.rejects((await startRun(t, asked)).run, { name: 'ProcessCrashedError' });
});

t.test('progress is reported in whole per cent, and the cost is read from the last lines', async (t) => {
  const script =
    'printf "out_time_us=2500000\\nprogr"; sleep 0.1; printf "ess=x\\nout_time_us=5000000\\n"; ' +
    'yes noise | head -c 100000 >&2; echo "bench: utime=1.500s stime=0.250s rtime=2.0s" >&2; echo "bench: maxrss=2048kB" >&2';
  const percents: number[] = [];
  const { run } = await startRun(t, script, { onPercent: (percent) => percents.push(percent) });
  t.match(await run, { cpuSeconds: 1.75, peakBytes: 2048 * 1024 });
  t.same(percents, [25, 50]);
});

async function startRun(t: Test, script: string, options: Partial<TranscodeRun> = {}) {
  const pool = openPool(1);
  t.teardown(() => pool.close());
  const controller = new AbortController();
  const command = await shell(t, script);
  let tellStarted: (pid: number) => void = () => undefined;
  const started = new Promise<number>((resolve) => {
    tellStarted = resolve;
  });
  const run = pool.transcode({ ...command, signal: controller.signal, onStart: tellStarted, ...options });
  run.catch(() => undefined);
  return { run, controller, started };
}

async function shell(t: Test, script: string): Promise<Omit<TranscodeRun, 'signal'>> {
  const folder = await makeFolder(t);
  return { command: '/bin/sh', args: ['-c', script], folder, wallMs: 30_000, seconds: 10, onPercent: () => undefined };
}

/** Resolves when no process of the group lives. */
function untilGone(group: number): Promise<boolean> {
  return waitFor(`the end of every process of group ${group}`, () => membersOf(group).length === 0);
}

/** The living processes of a group. */
function membersOf(group: number): number[] {
  return listProcesses()
    .filter((process) => process.group === group && process.state !== 'Z')
    .map(({ pid }) => pid);
}
