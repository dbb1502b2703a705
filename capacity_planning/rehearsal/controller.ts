import { setTimeout as sleep } from 'node:timers/promises';
import { createScaler, type ScalingPolicy } from '../lib/scaling-policy.ts';
import type { Fleet } from './fleet.ts';
import type { ControllerPeriod } from './rehearsal-schema.ts';

export interface Controller {
  startedAt: number;
  periods: ControllerPeriod[];
  /** Resolves when the last period has ended and all launches and removals are complete. */
  stop(): Promise<void>;
}

const settlingShare = 0.1;

/**
 * Runs target tracking on real instances by their measured CPU, `timeScale` times as fast. A period never waits for an
 * instance to start or to stop.
 */
export function startController(fleet: Fleet, policy: ScalingPolicy, timeScale: number, share: number): Controller {
  const periodMs = (policy.periodSeconds / timeScale) * 1000;
  const startedAt = Date.now();
  const periods: ControllerPeriod[] = [];
  const scaler = createScaler(policy);
  const pending = new Set<Promise<unknown>>();
  let isStopped = false;
  const track = (work: Promise<unknown>) => {
    pending.add(work);
    work.finally(() => pending.delete(work)).catch(() => undefined);
  };
  const stopped = follow();

  return {
    startedAt,
    periods,
    async stop() {
      isStopped = true;
      await stopped;
      await Promise.all(pending);
    },
  };

  async function follow(): Promise<void> {
    for (let n = 0; !isStopped; n += 1) {
      // An instance that joins at the start of a period counts in that period.
      await sleep(Math.max(0, startedAt + (n + settlingShare) * periodMs - Date.now()));
      const serving = fleet.serving();
      const before = serving.map(({ cpu }) => cpu.usedSeconds());
      const beganAt = Date.now();
      await sleep(Math.max(0, startedAt + (n + 1) * periodMs - beganAt));
      const seconds = (Date.now() - beganAt) / 1000;
      // The group's own periods do not align with this one, so the share can exceed 1 slightly.
      const used = serving.map(({ cpu }, i) => Math.min(1, (cpu.usedSeconds() - (before[i] ?? 0)) / seconds / share));
      const cpuShare = used.reduce((sum, each) => sum + each, 0) / Math.max(1, used.length);
      const present = fleet.present();
      periods.push({ second: (n * periodMs) / 1000, cpuShare, serving: serving.length, present });
      act(scaler.decide({ serving: serving.length, present, cpuShare }), present);
    }
  }

  function act(wanted: number, present: number): void {
    for (let i = present; i < wanted; i += 1) track(fleet.launch((policy.warmUpSeconds / timeScale) * 1000));
    const leaving = fleet.serving().slice(wanted);
    if (wanted < present)
      for (const each of leaving) track(fleet.retire(each, (policy.deregistrationSeconds / timeScale) * 1000));
  }
}
