import { join } from 'node:path';
import { benchSecretKey } from '../../scripts/dev/testbed/servers.ts';
import { type Child, logTail, startChild } from '../../scripts/lib/child.ts';
import type { Defer } from '../../scripts/lib/defer.ts';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { freePort } from '../../scripts/lib/ports.ts';
import { answersOk } from '../../scripts/lib/ready.ts';
import { waitFor } from '../../scripts/lib/wait.ts';
import type { Balancer } from './balancer.ts';
import { type CpuShare, openCpuShare } from './cgroup.ts';

export interface Instance {
  slot: number;
  metricsUrl: string;
  child: Child;
  cpu: CpuShare;
  /** Whether the balancer sends it requests. */
  isServing: boolean;
  /** Whether it drains and will stop. */
  isLeaving: boolean;
}

export interface FleetSettings {
  folder: string;
  balancer: Balancer;
  slots: number;
  /** The CPU limit of each instance, as a share of one processor. */
  share: number;
  /** Sends a new instance the requests that it will get, because code runs slowly until it is compiled. */
  warm(port: number): Promise<void>;
  /** The settings of database, queue and object store. */
  env: Readonly<Record<string, string>>;
}

export type Fleet = ReturnType<typeof openFleet>;

const stopDeadlineMs = 60_000;

/** Starts and stops web instances behind the balancer, each in a control group with its share of a processor. */
export function openFleet(settings: FleetSettings, defer: Defer) {
  const { balancer, slots } = settings;
  const groups = Array.from({ length: slots }, (_, i) =>
    openCpuShare(`anb-rehearsal-${process.pid}-${i}`, settings.share),
  );
  const instances: Instance[] = [];
  const exitCodes: (number | null)[] = [];
  const taken = new Set<number>();
  defer(() => {
    for (const group of groups) group.remove();
  });
  defer(() => Promise.all([...instances].map((instance) => retire(instance, 0))));

  return {
    instances,
    exitCodes,
    /** Counts instances that serve and instances that start. */
    present: () => taken.size - instances.filter(({ isLeaving }) => isLeaving).length,
    serving: () => instances.filter(({ isServing }) => isServing),
    /** Launches instances until `count` serve. */
    async growTo(count: number): Promise<void> {
      while (instances.length < count) {
        if ((await launch()) === undefined) throw new Error(`Expected a free slot for instance ${count}, got none`);
      }
    },
    /** Stops instances without a deregistration delay, because no load is running. */
    async shrinkTo(count: number): Promise<void> {
      await Promise.all(instances.slice(count).map((each) => retire(each, 0)));
    },
    /** Starts an instance and admits it after `warmUpMs`; returns undefined if every slot is in use. */
    launch,
    retire,
  };

  async function launch(warmUpMs = 0): Promise<Instance | undefined> {
    const slot = groups.findIndex((_, i) => !taken.has(i));
    const cpu = groups[slot];
    if (cpu === undefined) return undefined;
    taken.add(slot);
    const begunAt = performance.now();
    const [port, metricsPort] = [await freePort(), await freePort()];
    const child = await startInstance(settings, port, metricsPort, slot);
    const metricsUrl = `http://127.0.0.1:${metricsPort}/metrics`;
    const instance: Instance = { slot, metricsUrl, child, cpu, isServing: false, isLeaving: false };
    instances.push(instance);
    // The limit applies after the warm-up requests, whose duration the policy's warm-up stands for.
    cpu.loosen();
    cpu.add(child.pid);
    await settings.warm(port);
    cpu.tighten();
    const leftMs = warmUpMs - (performance.now() - begunAt);
    if (leftMs > 0) await new Promise((resolve) => setTimeout(resolve, leftMs));
    await balancer.admit(slot, port);
    instance.isServing = true;
    return instance;
  }

  /** Drains the instance, waits for the deregistration delay and stops the process. */
  async function retire(instance: Instance, deregistrationMs: number): Promise<void> {
    if (instance.isLeaving && deregistrationMs > 0) return;
    instance.isLeaving = true;
    instance.isServing = false;
    await balancer.drain(instance.slot).catch(() => undefined);
    if (deregistrationMs > 0)
      await Promise.race([new Promise((resolve) => setTimeout(resolve, deregistrationMs)), instance.child.exited]);
    if (!instances.includes(instance)) return;
    const { code } = await instance.child.stop(stopDeadlineMs);
    exitCodes.push(code);
    await balancer.remove(instance.slot).catch(() => undefined);
    instances.splice(instances.indexOf(instance), 1);
    taken.delete(instance.slot);
  }
}

const instanceEnvironment = {
  PATH: process.env['PATH'],
  WEB_PROCESSES: '1',
  RATE_LIMITS: 'off',
  SECRET_KEY: benchSecretKey,
  S3_BUCKET_NAME: 'rehearsal',
  UV_THREADPOOL_SIZE: '2',
  TRUSTED_HOPS: '1',
};

async function startInstance(
  { folder, env }: FleetSettings,
  port: number,
  metricsPort: number,
  slot: number,
): Promise<Child> {
  const logPath = join(folder, `web-${slot}-${port}.log`);
  const child = await startChild({
    command: process.execPath,
    args: [join(rootFolder, 'dist', 'src', 'main.js')],
    env: { ...instanceEnvironment, ...env, DATA_DIR: folder, PORT: String(port), METRICS_PORT: String(metricsPort) },
    logPath,
  });
  await waitFor(
    'an instance to be ready',
    async () => child.hasExited() || answersOk(`http://127.0.0.1:${port}/readyz`),
  );
  if (child.hasExited()) throw new Error(`Expected an instance to start, but it ended:\n${logTail(logPath)}`);
  return child;
}
