import type { Child } from '../lib/child.ts';
import type { ProcessIdentity } from '../lib/processes.ts';
import type { Say } from '../lib/steps.ts';
import { type SupervisedProcess, supervise } from './supervisor.ts';

export type Role = 'postgres' | 'redis' | 's3' | 'web' | 'worker';

export interface Crew {
  /** Starts a process and keeps it running; rejects when its first start fails. */
  add(role: Role, launch: () => Promise<Child>): Promise<void>;
  pids(role: Role): number[];
  /** Servers first: the order in which they were started. */
  identities(): ProcessIdentity[];
  /** The service first, then what it runs on; resolves when nothing is left. */
  stop(): Promise<void>;
  /** Everything at once. */
  kill(): void;
}

/** Longer than a process gives itself to drain. */
const drainDeadlineMs = 45_000;
const serverDeadlineMs = 20_000;

/** All processes of one start. `onChange` is told whenever one has been started, the first time or again. */
export function openCrew(say: Say, onChange: () => void): Crew {
  const members: { role: Role; process: SupervisedProcess; child: Child }[] = [];
  const of = (role: Role) => members.filter((member) => member.role === role);
  const stopAll = (role: Role, deadlineMs: number) =>
    Promise.all(of(role).map(({ process }) => process.stop(deadlineMs)));

  return {
    async add(role, launch) {
      const name = role === 'web' ? `web ${of('web').length + 1}` : role;
      const member = { role } as (typeof members)[number];
      const onRestart = (child: Child) => {
        member.child = child;
        say(`${name} runs again (process ${child.pid})`);
        onChange();
      };
      member.process = await supervise({ name, launch, say, onRestart });
      member.child = member.process.current() as Child;
      members.push(member);
      onChange();
    },
    pids: (role) => of(role).map(({ child }) => child.pid),
    identities: () => members.map(({ child }) => child.identity),
    async stop() {
      await Promise.all([stopAll('web', drainDeadlineMs), stopAll('worker', drainDeadlineMs)]);
      for (const role of ['s3', 'redis', 'postgres'] as const) await stopAll(role, serverDeadlineMs);
    },
    kill() {
      for (const { process } of members) process.kill();
    },
  };
}
