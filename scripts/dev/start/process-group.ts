import { setTimeout as sleep } from 'node:timers/promises';
import type { Child, Exit } from '../../lib/child.ts';
import { describeError } from '../../lib/describe-error.ts';
import type { ProcessIdentity } from '../../lib/processes.ts';
import type { Say } from '../../lib/steps.ts';

const startOrder = ['postgres', 'redis', 's3', 'web', 'worker'] as const;

export type Role = (typeof startOrder)[number];

export type ProcessGroup = ReturnType<typeof openProcessGroup>;

interface ManagedProcess {
  role: Role;
  name: string;
  /** The running process, or the last one while a restart is pending. */
  child: Child;
  /** Resolves when the process is no longer restarted. */
  watched: Promise<void>;
}

/** Longer than a process takes to drain. */
const drainTimeoutMs = 45_000;
const serverTimeoutMs = 20_000;
const restartPauseMs = 250;
const restartPauseMaxMs = 30_000;

/** The processes of one `npm start`. One that ends is restarted, after a pause that doubles. Calls `onChange` after each start. */
export function openProcessGroup(say: Say, onChange: () => void) {
  const processes: ManagedProcess[] = [];
  const stopping = new AbortController();
  const withRole = (role: Role) => processes.filter((process) => process.role === role);

  async function watch(process: ManagedProcess, launch: () => Promise<Child>): Promise<void> {
    let pauseMs = restartPauseMs;
    for (;;) {
      const startedAt = performance.now();
      const exit = await process.child.exited;
      if (performance.now() - startedAt > restartPauseMaxMs) pauseMs = restartPauseMs;
      if (!stopping.signal.aborted) say(`${process.name} ${describeExit(exit)}, restarting in ${pauseMs / 1000} s`);
      await sleep(pauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return;
      pauseMs = Math.min(pauseMs * 2, restartPauseMaxMs);
      await restart(process, launch).catch((error: unknown) => say(`${process.name}: ${describeError(error)}`));
    }
  }

  async function restart(process: ManagedProcess, launch: () => Promise<Child>): Promise<void> {
    process.child = await launch();
    if (stopping.signal.aborted) return void (await process.child.stop());
    say(`${process.name} restarted (pid ${process.child.pid})`);
    onChange();
  }

  const stopRole = (role: Role, timeoutMs: number) =>
    Promise.all(withRole(role).map(({ child, watched }) => Promise.all([child.stop(timeoutMs), watched])));

  return {
    /** Rejects if the first start fails. */
    async start(role: Role, launch: () => Promise<Child>, name: string = role): Promise<void> {
      const process: ManagedProcess = { role, name, child: await launch(), watched: Promise.resolve() };
      process.watched = watch(process, launch);
      processes.push(process);
      // Sorted by name, because processes that start at the same time may be ready in any order.
      processes.sort((one, other) => one.name.localeCompare(other.name, 'en', { numeric: true }));
      onChange();
    },
    pids: (role: Role): number[] => withRole(role).map(({ child }) => child.pid),
    /** In the order of starting: servers first. */
    identities: (): ProcessIdentity[] => startOrder.flatMap(withRole).map(({ child }) => child.identity),
    /** Stops the service first, then the servers. Resolves when no process is left. */
    async stop(): Promise<void> {
      stopping.abort();
      await Promise.all([stopRole('web', drainTimeoutMs), stopRole('worker', drainTimeoutMs)]);
      for (const role of ['s3', 'redis', 'postgres'] as const) await stopRole(role, serverTimeoutMs);
    },
    kill(): void {
      stopping.abort();
      for (const { child } of processes) child.signal('SIGKILL');
    },
  };
}

function describeExit({ code, signal }: Exit): string {
  return signal === null ? `exited with code ${code}` : `was killed by ${signal}`;
}
