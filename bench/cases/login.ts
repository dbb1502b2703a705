import { availableParallelism } from 'node:os';
import { hash as hashArgon2, verify as verifyArgon2 } from '@node-rs/argon2';
import { hash as hashBcrypt, verify as verifyBcrypt } from '@node-rs/bcrypt';
import { makeBenchFolder, openBenchPostgres, startWebProcess } from '../../scripts/dev/testbed/servers.ts';
import { fillVoteRows } from '../../scripts/dev/testbed/vote-rows.ts';
import { measureCpu, readPeakMemoryMiB, resetPeakMemory } from '../../scripts/lib/process-cost.ts';
import { openPasswords } from '../../src/passwords.ts';
import type { BenchCase, Candidate, Target } from '../lib/bench-case.ts';
import { formatRequest, runHttpLoad } from '../lib/http-load.ts';

const password = 'a password of the benches';
const users = 500;
const roundMs = 4_000;
/** Enough to keep every processor busy, and fewer than may wait. */
const patientClients = 16;
const stormClients = 200;
/** What the hashes themselves take: OWASP's argon2id. */
const hashMiB = 19;
const processors = availableParallelism();
const argon2 = { memoryCost: hashMiB * 1024, timeCost: 2, parallelism: 1 };

export const benchCase: BenchCase = {
  name: 'login',
  summary: 'Logins against the bare verification of their hashes, and what a storm of them does to the others',
  async open(defer) {
    const folder = makeBenchFolder(defer);
    const postgres = await openBenchPostgres(folder, defer);
    await fillVoteRows(postgres.sql, { users, videos: 10 });
    const passwordHash = await openPasswords({ concurrency: 1, queueMax: 1 }).hash(password);
    await postgres.sql`update users set password_hash = ${passwordHash}`;
    const server = await startWebProcess(folder, { DATABASE_URL: postgres.url }, defer);
    const argonHash = await hashArgon2(password, argon2);
    const bcryptHash = await hashBcrypt(password, 12);
    return {
      candidates: [
        logIn(server),
        verifyBare('bare argon2id', () => verifyArgon2(argonHash, password)),
        verifyBare('bare bcrypt-12', () => verifyBcrypt(password, bcryptHash)),
        refuse('wrong password', server, (i) => ({ email: emailOf(i), password: `not ${password}` })),
        refuse('unknown user', server, (i) => ({ email: `nobody-${i}@example.com`, password })),
        readRankings(server),
        stormAndRead(server),
      ],
      targets,
      runMetadata: { users, patientClients, stormClients, secondsPerRound: roundMs / 1000 },
    };
  },
};

const storm = `rankings and ${stormClients} logins`;

const targets: Target[] = [
  {
    what: 'logins per CPU second: service / bare argon2id',
    of: ['service', 'perCpuSecond'],
    against: ['bare argon2id', 'perCpuSecond'],
    is: '>=',
    bound: 0.9,
  },
  {
    what: 'logins per CPU second: service / bare bcrypt-12',
    of: ['service', 'perCpuSecond'],
    against: ['bare bcrypt-12', 'perCpuSecond'],
    is: '>=',
    bound: 17,
  },
  ...(
    [
      ['unknown user', 'wrong password'],
      ['wrong password', 'unknown user'],
    ] as const
  ).map(
    ([one, other]): Target => ({
      what: `time: ${one} / ${other}`,
      of: [one, 'p50Ms'],
      against: [other, 'p50Ms'],
      is: '<=',
      bound: 1.1,
    }),
  ),
  { what: 'p99 of rankings in a storm, ms (or twice the quiet one)', of: [storm, 'p99Ms'], is: '<=', bound: 20 },
  { what: 'p99 of 503 past the queue, ms', of: [storm, 'refusedP99Ms'], is: '<=', bound: 50 },
  { what: 'memory that a storm adds, MiB', of: [storm, 'addedMiB'], is: '<=', bound: processors * hashMiB * 1.1 },
];

interface Server {
  port: number;
  pid: number;
}

function emailOf(i: number): string {
  return `user-${1 + (i % users)}@example.com`;
}

function createLogins(): () => string {
  let count = 0;
  return () => {
    count += 1;
    return formatRequest('POST', '/api/auth/login', {}, { email: emailOf(count), password });
  };
}

function logIn({ port, pid }: Server): Candidate {
  return {
    name: 'service',
    async run() {
      const load = { port, connections: patientClients, next: createLogins(), durationMs: roundMs };
      const { result, cpuSeconds, seconds } = await measureCpu({ server: [pid] }, () => runHttpLoad(load));
      const { answered, byStatus, p99Ms } = result;
      if (byStatus['200'] !== answered) throw new Error(`Expected 200 alone, got ${JSON.stringify(byStatus)}`);
      return { perCpuSecond: answered / cpuSeconds.server, perSecond: answered / seconds, p99Ms };
    },
  };
}

/** One after the other, so that nobody waits for a turn. */
function refuse(name: string, { port }: Server, pick: (i: number) => { email: string; password: string }): Candidate {
  return {
    name,
    async run() {
      let count = 0;
      const next = () => {
        count += 1;
        return formatRequest('POST', '/api/auth/login', {}, pick(count));
      };
      const { answered, byStatus, p50Ms } = await runHttpLoad({ port, connections: 1, next, durationMs: roundMs / 2 });
      if (byStatus['401'] !== answered) throw new Error(`Expected 401 alone, got ${JSON.stringify(byStatus)}`);
      return { p50Ms };
    },
  };
}

/** As many at once as there are processors, like the service. */
function verifyBare(name: string, verify: () => Promise<boolean>): Candidate {
  return {
    name,
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

/** Few and at rest in between: what a reader feels, not what the server can do. */
function readAtEase(port: number) {
  const next = () => formatRequest('GET', '/api/public/rankings');
  return runHttpLoad({ port, connections: 4, restMs: 5, next, durationMs: roundMs });
}

function readRankings({ port }: Server): Candidate {
  return {
    name: 'rankings, quiet',
    async run() {
      const { p50Ms, p99Ms } = await readAtEase(port);
      return { p50Ms, p99Ms };
    },
  };
}

function stormAndRead({ port, pid }: Server): Candidate {
  return {
    name: storm,
    async run() {
      resetPeakMemory([pid]);
      const before = readPeakMemoryMiB([pid]);
      // Who was told 503 comes again after a moment, not at once.
      const logins = { port, connections: stormClients, restMs: 20, next: createLogins(), durationMs: roundMs };
      const [reads, { byStatus, p99MsByStatus }] = await Promise.all([readAtEase(port), runHttpLoad(logins)]);
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
