import type { Child } from '../../lib/child.ts';
import type { ProcessIdentity } from '../../lib/processes.ts';
import type { Say } from '../../lib/steps.ts';
import { type SupervisedProcess, supervise } from './supervisor.ts';

export type Role = 'postgres' | 'redis' | 's3' | 'web' | 'worker';

export interface ProcessGroup {
  /** Starts a process and keeps it running; rejects when its first start fails. */
  add(role: Role, launch: () => Promise<Child>, name?: string): Promise<void>;
  pids(role: Role): number[];
  /** Servers first: the order in which they were started. */
  identities(): ProcessIdentity[];
  /** The service first, then what it runs on; resolves when nothing is left. */
  stop(): Promise<void>;
  /** Everything at once. */
  kill(): void;
}

interface Member {
  role: Role;
  name: string;
  process: SupervisedProcess;
  child: Child;
}

const startOrder = ['postgres', 'redis', 's3', 'web', 'worker'] as const;

/** Longer than a process gives itself to drain. */
const drainDeadlineMs = 45_000;
const serverDeadlineMs = 20_000;

/** All processes of one start. `onChange` is told whenever one has been started, the first time or again. */
export function openProcessGroup(say: Say, onChange: () => void): ProcessGroup {
  const members: Member[] = [];
  const of = (role: Role) => members.filter((member) => member.role === role);
  const stopAll = (role: Role, deadlineMs: number) =>
    Promise.all(of(role).map(({ process }) => process.stop(deadlineMs)));

  return {
    async add(role, launch, name = role) {
      const onRestart = (child: Child) => {
        member.child = child;
        say(`${name} restarted (pid ${child.pid})`);
        onChange();
      };
      const process = await supervise({ name, launch, say, onRestart });
      const member: Member = { role, name, process, child: process.current() as Child };
      members.push(member);
      // Several may start at the same time; who is first must not depend on who was faster.
      members.sort((one, other) => one.name.localeCompare(other.name, 'en', { numeric: true }));
      onChange();
    },
    pids: (role) => of(role).map(({ child }) => child.pid),
    identities: () => startOrder.flatMap(of).map(({ child }) => child.identity),
    async stop() {
      await Promise.all([stopAll('web', drainDeadlineMs), stopAll('worker', drainDeadlineMs)]);
      for (const role of ['s3', 'redis', 'postgres'] as const) await stopAll(role, serverDeadlineMs);
    },
    kill() {
      for (const { process } of members) process.kill();
    },
  };
}
