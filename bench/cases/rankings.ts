import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  makeBenchFolder,
  openBenchPostgres,
  startNodePeer,
  startServer,
  startWebProcess,
} from '../../scripts/dev/testbed/servers.ts';
import { fillVoteRows } from '../../scripts/dev/testbed/vote-rows.ts';
import { rootFolder } from '../../scripts/lib/paths.ts';
import { measureCpu } from '../../scripts/lib/process-cost.ts';
import type { BenchCase, Candidate, Figures, Target } from '../lib/bench-case.ts';
import { burst, countQueries } from '../lib/burst.ts';
import { formatRequest, runHttpLoad } from '../lib/http-load.ts';
import { openPython } from '../lib/python.ts';

const rows = { users: 50_000, videos: 10_000, votes: 1_000_000 };
export const page = '/api/public/rankings?page=1&limit=10';
const deepPage = '/api/public/rankings?page=901&limit=10';
const cityPage = '/api/public/rankings?page=1&limit=10&city=cali';
const connections = 32;
const burstClients = 1_000;
const roundMs = 3_000;
const pythonPackages = ['fastapi==0.165.0', 'uvicorn==0.54.0', 'sqlalchemy==2.1.9', 'psycopg2-binary==2.9.13'];

interface Server {
  port: number;
  pid: number;
}

/** CPU time of the server's own process; what PostgreSQL spends is a figure of its own. */
export const benchCase: BenchCase = {
  name: 'rankings',
  summary: 'The first page of the ranking, against a bare uWebSockets answer, Fastify and FastAPI',
  async open(defer) {
    const folder = makeBenchFolder(defer);
    const postgres = await openBenchPostgres(folder, defer);
    await fillVoteRows(postgres.sql, rows);
    const settings = { DATABASE_URL: postgres.url };
    const ours = await startWebProcess(folder, settings, defer);
    const answer = join(folder, 'answer.json');
    writeFileSync(answer, JSON.stringify(await captureAnswer(ours.port)));
    const bare = await startNodePeer('bare-uws', folder, { ANSWER_FILE: answer }, defer);
    const fastify = await startNodePeer('fastify-rankings', folder, settings, defer);
    const python = await openPython('fastapi', pythonPackages);
    const fastapi = await startFastApi(python, folder, settings, defer);
    const load = (name: string, server: Server, path: string, most = connections) =>
      loadPage(name, server, path, postgres.pid, most);
    return {
      candidates: [
        load('ours', ours, page),
        load('ours, page 901', ours, deepPage),
        load('ours, one city', ours, cityPage),
        load('bare uWebSockets', bare, page),
        load('Fastify, bytes kept', fastify, '/kept'),
        load('Fastify, asking', fastify, page),
        load('FastAPI', fastapi, page, 4),
        burstAll(ours.port, (work) => countQueries(postgres.sql, join(folder, 'postgres.log'), 'users', work)),
      ],
      targets,
      runMetadata: { rows, connections, burstClients, secondsPerRound: roundMs / 1000, python: pythonPackages },
    };
  },
};

const cpu = (name: string) => [name, 'cpuUsPerRequest'] as const;
const targets: Target[] = [
  { what: 'CPU: ours / bare uWebSockets', of: cpu('ours'), against: cpu('bare uWebSockets'), is: '<=', bound: 1.05 },
  {
    what: 'CPU: ours / Fastify, bytes kept',
    of: cpu('ours'),
    against: cpu('Fastify, bytes kept'),
    is: '<=',
    bound: 0.4,
  },
  { what: 'CPU: ours / Fastify, asking', of: cpu('ours'), against: cpu('Fastify, asking'), is: '<=', bound: 0.4 },
  { what: 'CPU: ours / FastAPI', of: cpu('ours'), against: cpu('FastAPI'), is: '<=', bound: 0.04 },
  { what: 'p50: page 901 / page 1', of: ['ours, page 901', 'p50Ms'], against: ['ours', 'p50Ms'], is: '<=', bound: 1.2 },
  { what: 'p50: one city / page 1', of: ['ours, one city', 'p50Ms'], against: ['ours', 'p50Ms'], is: '<=', bound: 1.2 },
  ...burstQueries().flatMap(({ figure }): Target[] => [
    { what: `burst of ${burstClients}: ${figure}`, of: ['stampede', figure], is: '<=', bound: 1 },
    { what: `burst of ${burstClients}: ${figure}`, of: ['stampede', figure], is: '>=', bound: 1 },
  ]),
];

export function loadPage(name: string, server: Server, path: string, postgresPid: number, most: number): Candidate {
  const request = formatRequest('GET', path);
  return {
    name,
    async run({ isWarmUp }): Promise<Figures> {
      const { result, cpuSeconds } = await measureCpu({ server: [server.pid], postgres: [postgresPid] }, () =>
        runHttpLoad({
          port: server.port,
          connections: most,
          next: () => request,
          durationMs: isWarmUp ? roundMs / 2 : roundMs,
        }),
      );
      if (result.byStatus['200'] !== result.answered)
        throw new Error(`Expected 200 alone, got ${JSON.stringify(result.byStatus)}`);
      return {
        cpuUsPerRequest: (cpuSeconds.server * 1e6) / result.answered,
        postgresCpuUsPerRequest: (cpuSeconds.postgres * 1e6) / result.answered,
        requestsPerSecond: result.requestsPerSecond,
        p50Ms: result.p50Ms,
        p99Ms: result.p99Ms,
      };
    },
  };
}

/** Each round asks for pages that nobody has asked for. */
function burstQueries(round = 0): { figure: string; path: string }[] {
  const limit = 20 + round;
  return [
    { figure: 'queries', path: `/api/public/rankings?page=1&limit=${limit}` },
    { figure: 'queriesDeepPage', path: `/api/public/rankings?page=${Math.floor(9_000 / limit)}&limit=${limit}` },
    { figure: 'queriesOneCity', path: `/api/public/rankings?page=1&limit=${limit}&city=cali` },
  ];
}

function burstAll(port: number, count: (work: () => Promise<unknown>) => Promise<number>): Candidate {
  return {
    name: 'stampede',
    async run({ number }) {
      const figures: Record<string, number> = {};
      for (const { figure, path } of burstQueries(number)) {
        figures[figure] = await count(() => burst(port, burstClients, formatRequest('GET', path)));
      }
      return figures;
    },
  };
}

/** The body and the headers that are always the same, for the bare peer to send. */
async function captureAnswer(port: number) {
  const answer = await fetch(`http://127.0.0.1:${port}${page}`, { headers: { 'accept-encoding': 'identity' } });
  const own = new Set(['x-request-id', 'content-length', 'date', 'connection', 'keep-alive']);
  return { body: await answer.text(), headers: [...answer.headers].filter(([name]) => !own.has(name)) };
}

function startFastApi(
  python: string,
  folder: string,
  settings: Readonly<Record<string, string>>,
  defer: Parameters<typeof startServer>[3],
): Promise<Server> {
  const peers = join(rootFolder, 'bench', 'peers');
  const start =
    'import os, uvicorn; uvicorn.run("fastapi_rankings:app", host="127.0.0.1", port=int(os.environ["PORT"]))';
  return startServer('fastapi', folder, ['-c', start], defer, { ...settings, PYTHONPATH: peers }, python);
}
