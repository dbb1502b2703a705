import { startS3Sink } from '../../scripts/dev/testbed/s3-sink.ts';
import { makeBenchFolder, startNodePeer } from '../../scripts/dev/testbed/servers.ts';
import { measureCpu, readPeakMemoryMiB, resetPeakMemory } from '../../scripts/lib/process-cost.ts';
import { atMost, type BenchCase, type Candidate, type Target } from '../lib/bench-case.ts';
import { createUploadBody, runUploads } from '../lib/upload-load.ts';
import { openOurs, startFastApi, startS3WithBucket, type UploadServer } from '../lib/upload-servers.ts';

const fileMiB = 100;
const uploadsPerRoundMin = 8;
const body = createUploadBody(fileMiB * 1024 * 1024);
/** The warm-up sends many small uploads, so that the code at the end of an upload is compiled as well. */
const warmUpUploads = 128;
const warmUpBody = createUploadBody(6 * 1024 * 1024);
const counts = [1, 8] as const;
const figure = 'cpuSecondsPer100MiB';
/** The most that ours may cost, as a share of each peer. */
const bounds = { floor: 1.1, Fastify: 1 / 4, FastAPI: 1 / 5 };

/** Measures the CPU time of the server and its children. S3 sink, databases and client are not counted. */
export const benchCase: BenchCase = {
  name: 'upload',
  summary: 'Uploads of 100 MiB to S3: ours against Fastify, FastAPI and a floor that does the minimum',
  async open(defer) {
    const folder = makeBenchFolder(defer);
    const ours = await openOurs(folder, defer);
    const { plain, tls } = await startS3Sink(folder, defer);
    const candidates: Candidate[] = [];
    for (const [link, settings] of Object.entries({ plain, tls })) {
      const servers: Record<string, UploadServer> = {
        floor: await startNodePeer('upload-floor', folder, settings, defer),
        ours: await ours.start(settings),
        Fastify: await startNodePeer('fastify-upload', folder, settings, defer),
        FastAPI: await startFastApi(folder, settings, defer),
      };
      for (const atOnce of counts) {
        for (const [name, server] of Object.entries(servers)) {
          candidates.push(createCandidate(`${name}, ${atOnce} at once, ${link}`, server, ours.token, atOnce));
        }
      }
    }
    const s3 = await startS3WithBucket(folder, defer);
    const fastify = await startNodePeer('fastify-upload', folder, s3, defer);
    candidates.push(createCandidate('ours, 4 at once, versitygw', await ours.start(s3), ours.token, 4));
    candidates.push(createCandidate('Fastify, 4 at once, versitygw', fastify, ours.token, 4));
    return { candidates, targets: listTargets(['plain', 'tls']), runMetadata: { fileMiB, uploadsPerRoundMin } };
  },
};

export function createCandidate(name: string, { port, pid }: UploadServer, token: string, atOnce: number): Candidate {
  return {
    name,
    async run({ isWarmUp }) {
      if (isWarmUp) await runUploads({ port, token, body: warmUpBody, uploads: warmUpUploads, atOnce });
      const uploads = Math.max(atOnce, uploadsPerRoundMin);
      resetPeakMemory([pid]);
      const { seconds, cpuSeconds } = await measureCpu({ server: [pid] }, () =>
        runUploads({ port, token, body, uploads, atOnce }),
      );
      return {
        [figure]: (cpuSeconds.server / uploads) * (100 / fileMiB),
        MiBPerSecond: (uploads * fileMiB) / seconds,
        peakMemoryMiB: readPeakMemoryMiB([pid]),
      };
    },
  };
}

function listTargets(links: readonly string[]): Target[] {
  const rows = links.flatMap((link) => counts.map((atOnce) => `${atOnce} at once, ${link}`));
  return rows.flatMap((row) =>
    Object.entries(bounds).map(([peer, bound]) =>
      atMost(`CPU, ${row}: ours / ${peer}`, [`ours, ${row}`, figure], bound, [`${peer}, ${row}`, figure]),
    ),
  );
}
