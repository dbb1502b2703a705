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
import { atMost, type BenchCase, type Candidate, type Figures, type Target } from '../lib/bench-case.ts';
import { formatRequest, runHttpLoad } from '../lib/http-load.ts';
import { openPython } from '../lib/python.ts';

const rows = { users: 50_000, videos: 10_000, votes: 1_000_000 };
export const page = '/api/public/rankings?page=1&limit=10';
const deepPage = '/api/public/rankings?page=901&limit=10';
const cityPage = '/api/public/rankings?page=1&limit=10&city=cali';
const connections = 32;
const roundMs = 3_000;
const pythonPackages = ['fastapi==0.165.0', 'uvicorn==0.54.0', 'sqlalchemy==2.1.9', 'psycopg2-binary==2.9.13'];

interface Server {
  port: number;
  pid: number;
}

/** Measures the CPU time of the server's process. The CPU time of PostgreSQL is a figure of its own. */
export const benchCase: BenchCase = {
  name: 'rankings',
  summary: 'The first page of the rankings, against a bare uWebSockets.js response, Fastify and FastAPI',
  async open(defer) {
    const folder = makeBenchFolder(defer);
    const postgres = await openBenchPostgres(folder, defer);
    await fillVoteRows(postgres.sql, rows);
    const settings = { DATABASE_URL: postgres.url };
    const ours = await startWebProcess(folder, settings, defer);
    const responseFile = join(folder, 'response.json');
    writeFileSync(responseFile, JSON.stringify(await captureResponse(ours.port)));
    const bare = await startNodePeer('bare-uws', folder, { RESPONSE_FILE: responseFile }, defer);
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
        load('bare uWebSockets.js', bare, page),
        load('Fastify, cached', fastify, '/cached'),
        load('Fastify, querying', fastify, page),
        load('FastAPI', fastapi, page, 4),
      ],
      targets,
      runMetadata: { rows, connections, secondsPerRound: roundMs / 1000, python: pythonPackages },
    };
  },
};

const compareCpu = (peer: string, bound: number) =>
  atMost(`CPU: ours / ${peer}`, ['ours', 'cpuUsPerRequest'], bound, [peer, 'cpuUsPerRequest']);

const targets: Target[] = [
  compareCpu('bare uWebSockets.js', 1.05),
  compareCpu('Fastify, cached', 0.4),
  compareCpu('Fastify, querying', 0.4),
  compareCpu('FastAPI', 0.04),
  atMost('p50: page 901 / page 1', ['ours, page 901', 'p50Ms'], 1.2, ['ours', 'p50Ms']),
  atMost('p50: one city / page 1', ['ours, one city', 'p50Ms'], 1.2, ['ours', 'p50Ms']),
];

export function loadPage(name: string, server: Server, path: string, postgresPid: number, most: number): Candidate {
  const request = formatRequest('GET', path);
  return {
    name,
    async run({ isWarmUp }): Promise<Figures> {
      const durationMs = isWarmUp ? roundMs / 2 : roundMs;
      const load = { port: server.port, connections: most, next: () => request, durationMs };
      const { result, cpuSeconds } = await measureCpu({ server: [server.pid], postgres: [postgresPid] }, () =>
        runHttpLoad(load),
      );
      const { responses, byStatus, requestsPerSecond, p50Ms, p99Ms } = result;
      if (byStatus['200'] !== responses) throw new Error(`Expected only 200, got ${JSON.stringify(byStatus)}`);
      return {
        cpuUsPerRequest: (cpuSeconds.server * 1e6) / responses,
        postgresCpuUsPerRequest: (cpuSeconds.postgres * 1e6) / responses,
        requestsPerSecond,
        p50Ms,
        p99Ms,
      };
    },
  };
}

/** Captures the body and the constant headers of the service's response, which the bare peer sends. */
async function captureResponse(port: number) {
  const response = await fetch(`http://127.0.0.1:${port}${page}`, { headers: { 'accept-encoding': 'identity' } });
  const varying = new Set(['x-request-id', 'content-length', 'date', 'connection', 'keep-alive']);
  return { body: await response.text(), headers: [...response.headers].filter(([name]) => !varying.has(name)) };
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
