import { connect, type Socket } from 'node:net';
import { startS3Sink } from '../../scripts/dev/testbed/s3-sink.ts';
import { makeBenchFolder } from '../../scripts/dev/testbed/servers.ts';
import { measureCpu } from '../../scripts/lib/process-cost.ts';
import { median } from '../../scripts/lib/statistics.ts';
import type { BenchCase, Candidate, Figures } from '../lib/bench-case.ts';
import { formatRequest, runHttpLoad } from '../lib/http-load.ts';
import { createUploadBody, runUploads } from '../lib/upload-load.ts';
import { openOurs } from '../lib/upload-servers.ts';
import { startWebGroup, type WebGroup } from '../lib/web-group.ts';

const connectionCounts = [8, 16, 64] as const;
const trialsPerRound = 25;
const uploadsPerRound = 60;
const uploadsAtOnce = 16;
const body = createUploadBody(10 * 1024 * 1024);
const requestMs = 4_000;
const requestConnections = 64;
const processors = 2;

/**
 * How the kernel deals connections out to the web processes of an instance, and what a second process brings. The load
 * runs on the same processors: one process can reach 50 % of two of them at the most, two leave that behind only where the
 * load leaves room. Nothing to reach: the figures are for choosing how many processes an instance runs.
 */
export const benchCase: BenchCase = {
  name: 'reuseport',
  summary: 'Two web processes on one port: how evenly kept connections are spread, and what two do that one cannot',
  async open(defer) {
    const folder = makeBenchFolder(defer);
    const ours = await openOurs(folder, defer);
    const { plain } = await startS3Sink(folder, defer);
    const one = await startWebGroup(1, ours.start, plain);
    const two = await startWebGroup(2, ours.start, plain);
    return {
      candidates: [
        ...connectionCounts.map((count) => spreadConnections(two, count)),
        load('one process', one, ours.token),
        load('two processes', two, ours.token),
      ],
      targets: [],
      runMetadata: { trialsPerRound, uploadsPerRound, uploadsAtOnce, requestConnections },
    };
  },
};

/** As a balancer does it: connections that stay, opened together. Each asks once, and the processes tell who was asked. */
function spreadConnections({ port, metricsPorts }: WebGroup, count: number): Candidate {
  return {
    name: `${count} kept connections`,
    async run({ isWarmUp }) {
      const shares: number[] = [];
      for (let trial = 0; trial < (isWarmUp ? 1 : trialsPerRound); trial += 1) {
        const before = await countRequests(metricsPorts);
        const sockets = await Promise.all(Array.from({ length: count }, () => askOnce(port)));
        const after = await countRequests(metricsPorts);
        for (const socket of sockets) socket.destroy();
        shares.push((Math.max(...after.map((served, i) => served - (before[i] ?? 0))) / count) * 100);
      }
      const alone = shares.filter((share) => share === 100).length;
      return {
        busierProcessPercent: median(shares),
        busierProcessWorstPercent: Math.max(...shares),
        oneProcessAlonePercent: (alone / shares.length) * 100,
      };
    },
  };
}

function askOnce(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(formatRequest('GET', '/')));
    socket.once('data', () => resolve(socket));
    socket.once('error', reject);
  });
}

async function countRequests(metricsPorts: readonly number[]): Promise<number[]> {
  return Promise.all(
    metricsPorts.map(async (port) => {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      const counts = text.matchAll(/^http_request_duration_seconds_count\{[^}]*route="\/"[^}]*\} (\d+)/gm);
      return [...counts].reduce((sum, [, value]) => sum + Number(value), 0);
    }),
  );
}

function load(name: string, { port, pids }: WebGroup, token: string): Candidate {
  return {
    name,
    async run({ isWarmUp }): Promise<Figures> {
      const uploads = isWarmUp ? uploadsAtOnce : uploadsPerRound;
      const sent = await measureCpu({ server: pids }, () =>
        runUploads({ port, token, body, uploads, atOnce: uploadsAtOnce }),
      );
      const request = formatRequest('GET', '/');
      const asked = await measureCpu({ server: pids }, () =>
        runHttpLoad({
          port,
          connections: requestConnections,
          next: () => request,
          durationMs: isWarmUp ? requestMs / 4 : requestMs,
        }),
      );
      return {
        uploadsPerSecond: uploads / sent.seconds,
        uploadsMachineCpuPercent: (sent.cpuSeconds.server / sent.seconds / processors) * 100,
        requestsPerSecond: asked.result.requestsPerSecond,
        requestsMachineCpuPercent: (asked.cpuSeconds.server / asked.seconds / processors) * 100,
      };
    },
  };
}
