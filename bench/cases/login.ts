import { availableParallelism } from 'node:os';
import { hash as hashArgon2, verify as verifyArgon2 } from '@node-rs/argon2';
import { makeBenchFolder, openBenchPostgres, startWebProcess } from '../../scripts/dev/testbed/servers.ts';
import { fillVoteRows } from '../../scripts/dev/testbed/vote-rows.ts';
import { measureCpu, readPeakMemoryMiB, resetPeakMemory } from '../../scripts/lib/process-cost.ts';
import { openPasswords } from '../../src/passwords.ts';
import { atLeast, atMost, type BenchCase, type Candidate, type Target } from '../lib/bench-case.ts';
import { formatRequest, runHttpLoad } from '../lib/http-load.ts';

const password = 'a password of the benches';
const users = 500;
const roundMs = 4_000;
/** Enough clients to keep every processor busy, and fewer than the queue of passwords holds. */
const clients = 16;
const burstClients = 200;
/** The memory of one argon2id hash with OWASP's parameters. */
const hashMiB = 19;
const processors = availableParallelism();
const argon2 = { memoryCost: hashMiB * 1024, timeCost: 2, parallelism: 1 };
const bare = 'bare argon2id';
const burst = `rankings and ${burstClients} logins`;

export const benchCase: BenchCase = {
  name: 'login',
  summary: 'Logins against the bare verification of their hashes, and the effect of a burst of logins on readers',
  async open(defer) {
    const folder = makeBenchFolder(defer);
    const postgres = await openBenchPostgres(folder, defer);
    await fillVoteRows(postgres.sql, { users, videos: 10 });
    const passwordHash = await openPasswords({ concurrency: 1, queueMax: 1 }).hash(password);
    await postgres.sql`update users set password_hash = ${passwordHash}`;
    const server = await startWebProcess(folder, { DATABASE_URL: postgres.url }, defer);
    const argonHash = await hashArgon2(password, argon2);
    return {
      candidates: [
        logIn(server),
        verifyBare(() => verifyArgon2(argonHash, password)),
        refuse('wrong password', server, (i) => ({ email: emailOf(i), password: `not ${password}` })),
        refuse('unknown user', server, (i) => ({ email: `unknown-${i}@example.com`, password })),
        readRankings(server),
        readDuringBurst(server),
      ],
      targets,
      runMetadata: { users, clients, burstClients, secondsPerRound: roundMs / 1000 },
    };
  },
};

const targets: Target[] = [
  atLeast(`logins per CPU second: service / ${bare}`, ['service', 'perCpuSecond'], 0.9, [bare, 'perCpuSecond']),
  compareRefusals('unknown user', 'wrong password'),
  compareRefusals('wrong password', 'unknown user'),
  atMost('p99 of rankings during a burst of logins, ms', [burst, 'p99Ms'], 20),
  atMost('p99 of the 503 of a full queue, ms', [burst, 'refusedP99Ms'], 50),
  atMost('memory added by a burst, MiB', [burst, 'addedMiB'], processors * hashMiB * 1.1),
];

/** A difference in time would reveal which addresses have an account. */
function compareRefusals(one: string, other: string): Target {
  return atMost(`time: ${one} / ${other}`, [one, 'p50Ms'], 1.1, [other, 'p50Ms']);
}

interface Server {
  port: number;
  pid: number;
}

function emailOf(i: number): string {
  return `user-${1 + (i % users)}@example.com`;
}

function createLogins(pick: (i: number) => object = (i) => ({ email: emailOf(i), password })): () => string {
  let count = 0;
  return () => {
    count += 1;
    return formatRequest('POST', '/api/auth/login', {}, pick(count));
  };
}

function logIn({ port, pid }: Server): Candidate {
  return {
    name: 'service',
    async run() {
      const load = { port, connections: clients, next: createLogins(), durationMs: roundMs };
      const { result, cpuSeconds, seconds } = await measureCpu({ server: [pid] }, () => runHttpLoad(load));
      const { responses, byStatus, p99Ms } = result;
      if (byStatus['200'] !== responses) throw new Error(`Expected only 200, got ${JSON.stringify(byStatus)}`);
      return { perCpuSecond: responses / cpuSeconds.server, perSecond: responses / seconds, p99Ms };
    },
  };
}

/** Sends one login at a time, so that no request waits in the queue of passwords. */
function refuse(name: string, { port }: Server, pick: (i: number) => object): Candidate {
  return {
    name,
    async run() {
      const load = { port, connections: 1, next: createLogins(pick), durationMs: roundMs / 2 };
      const { responses, byStatus, p50Ms } = await runHttpLoad(load);
      if (byStatus['401'] !== responses) throw new Error(`Expected only 401, got ${JSON.stringify(byStatus)}`);
      return { p50Ms };
    },
  };
}

/** Verifies as many passwords at once as there are processors, as the service does. */
function verifyBare(verify: () => Promise<boolean>): Candidate {
  return {
    name: bare,
    async run() {
      const endsAt = performance.now() + roundMs;
      let count = 0;
      const work = async () => {
        while (performance.now() < endsAt) {
          if (!(await verify())) throw new Error('Expected the password to be right, got a refusal');
          count += 1;
        }
      };
      const cpu = process.cpuUsage();
      await Promise.all(Array.from({ length: processors }, work));
      const { user, system } = process.cpuUsage(cpu);
      return { perCpuSecond: (count * 1e6) / (user + system), perSecond: (count * 1000) / roundMs };
    },
  };
}

/** A few connections with pauses measure what a reader waits, not what the server can do. */
function readSlowly(port: number) {
  const next = () => formatRequest('GET', '/api/public/rankings');
  return runHttpLoad({ port, connections: 4, restMs: 5, next, durationMs: roundMs });
}

function readRankings({ port }: Server): Candidate {
  return {
    name: 'rankings, quiet',
    async run() {
      const { p50Ms, p99Ms } = await readSlowly(port);
      return { p50Ms, p99Ms };
    },
  };
}

function readDuringBurst({ port, pid }: Server): Candidate {
  return {
    name: burst,
    async run() {
      resetPeakMemory([pid]);
      const before = readPeakMemoryMiB([pid]);
      // A client that got 503 pauses before its next login.
      const logins = { port, connections: burstClients, restMs: 20, next: createLogins(), durationMs: roundMs };
      const [reads, { byStatus, p99MsByStatus }] = await Promise.all([readSlowly(port), runHttpLoad(logins)]);
      return {
        p50Ms: reads.p50Ms,
        p99Ms: reads.p99Ms,
        loggedIn: byStatus['200'] ?? 0,
        refused: byStatus['503'] ?? 0,
        refusedP99Ms: p99MsByStatus['503'] ?? Number.NaN,
        addedMiB: readPeakMemoryMiB([pid]) - before,
      };
    },
  };
}
