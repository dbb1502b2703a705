import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { iterate, type ScenarioRunner } from './iterate.ts';
import type { ThreadSettings } from './messages.ts';
import type { ArrivalSpec, LoopSpec } from './options.ts';
import { createRandom } from './random.ts';
import { now, thread } from './runtime.ts';
import { countArrivals, createSchedule, scatter } from './schedule.ts';

export interface Pace {
  startAt: number;
  settings: ThreadSettings;
  /** Aborted when no further iteration may start. */
  stop: AbortSignal;
  claimVu(): number;
}

/** Resolves when no further iteration starts, with the iterations that are still running. */
export async function execute(runner: ScenarioRunner, pace: Pace): Promise<Promise<void>[]> {
  await sleepUntil(pace.startAt, pace.stop);
  return runner.spec.executor === 'constant-vus'
    ? loop(runner, runner.spec, pace)
    : arrive(runner, runner.spec as ArrivalSpec, pace);
}

/**
 * Open loop: an iteration starts when it is due, whether or not earlier iterations have ended. If all virtual users are busy, it
 * is dropped and counted. Each of n threads runs every nth arrival.
 */
async function arrive(runner: ScenarioRunner, spec: ArrivalSpec, pace: Pace): Promise<Promise<void>[]> {
  const { index, threads } = pace.settings;
  const dueMs = openSchedule(spec, pace.settings.behavior.hasRandomArrivals);
  const users = openUsers(shareOf(spec.maxVus, index, threads), pace.claimVu);
  const running = new Set<Promise<void>>();
  for (let n = index; ; n += threads) {
    const due = dueMs(n);
    if (due === undefined) break;
    const dueAt = pace.startAt + due;
    // Yields to the event loop now and then, so that responses are read even if arrivals are late.
    if (dueAt > now()) await sleepUntil(dueAt, pace.stop);
    else if (n % 64 === index) await nextTurn();
    if (pace.stop.aborted) break;
    const user = users.take();
    runner.count.vusPeak = Math.max(runner.count.vusPeak, users.inUse());
    if (user === undefined) {
      runner.count.dropped += 1;
      thread.samples.add('dropped_iterations', 1, { scenario: spec.name }, dueAt);
      continue;
    }
    const slot = { vu: user.id, inTest: n, ofVu: user.iterations++, dueAt };
    const done: Promise<void> = iterate(runner, slot).then(() => {
      users.release(user);
      running.delete(done);
    });
    running.add(done);
  }
  await sleepUntil(pace.startAt + spec.durationMs, pace.stop);
  return [...running];
}

/** Every thread computes the same random times and uses its own. */
function openSchedule({ stages, startTimeMs }: ArrivalSpec, isRandom: boolean): (n: number) => number | undefined {
  const dueMs = createSchedule(stages);
  if (!isRandom) return dueMs;
  const arrivals = Math.round(stages.reduce((sum, stage) => sum + countArrivals(stage), 0));
  return scatter(dueMs, arrivals, createRandom(startTimeMs + 1));
}

/** Closed loop: each user starts its next iteration when the previous one has ended. */
async function loop(runner: ScenarioRunner, spec: LoopSpec, pace: Pace): Promise<Promise<void>[]> {
  const { index, threads } = pace.settings;
  const endAt = pace.startAt + spec.durationMs;
  const users = shareOf(spec.maxVus, index, threads);
  runner.count.vusPeak = users;
  let inTest = index;
  const running = Array.from({ length: users }, async () => {
    const vu = pace.claimVu();
    for (let ofVu = 0; now() < endAt && !pace.stop.aborted; ofVu += 1) {
      const slot = { vu, inTest, ofVu, dueAt: undefined };
      inTest += threads;
      await iterate(runner, slot);
      await nextTurn();
    }
  });
  await sleepUntil(endAt, pace.stop);
  return running;
}

interface User {
  id: number;
  iterations: number;
}

/** Reuses the user that was released last, because its connection is the least likely to be closed. */
function openUsers(limit: number, claimVu: () => number) {
  const free: User[] = [];
  let made = 0;
  return {
    take(): User | undefined {
      const user = free.pop();
      if (user !== undefined || made >= limit) return user;
      made += 1;
      return { id: claimVu(), iterations: 0 };
    },
    release: (user: User) => free.push(user),
    inUse: () => made - free.length,
  };
}

function shareOf(total: number, index: number, threads: number): number {
  return Math.floor(total / threads) + (index < total % threads ? 1 : 0);
}

/** Sleeps at least 1 ms at a time, the resolution of timers. */
async function sleepUntil(at: number, stop: AbortSignal): Promise<void> {
  for (let left = at - now(); left > 0 && !stop.aborted; left = at - now()) {
    await sleep(Math.max(1, Math.floor(left)), undefined, { signal: stop }).catch(() => undefined);
  }
}
