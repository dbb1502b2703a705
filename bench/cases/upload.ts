import { startS3Sink } from '../../scripts/dev/testbed/s3-sink.ts';
import { makeBenchFolder } from '../../scripts/dev/testbed/servers.ts';
import type { Defer } from '../../scripts/lib/defer.ts';
import { measureCpu, readPeakMemoryMiB, resetPeakMemory } from '../../scripts/lib/process-cost.ts';
import type { BenchCase, Candidate, Target } from '../lib/bench-case.ts';
import { createUploadBody, runUploads } from '../lib/upload-load.ts';
import {
  openOurs,
  type Settings,
  startFastApi,
  startFastify,
  startFloor,
  startS3WithBucket,
  type UploadServer,
} from '../lib/upload-servers.ts';

const fileMiB = 100;
const uploadsPerRoundMin = 8;
const body = createUploadBody(fileMiB * 1024 * 1024);
/** Many small ones: what runs once an upload is compiled by then, too. */
const warmUpUploads = 128;
const warmUpBody = createUploadBody(6 * 1024 * 1024);
const counts = [1, 8] as const;
const figure = 'cpuSecondsPer100MiB';

/** CPU time of the server and its children alone: the S3 end, the databases and the client are counted nowhere. */
export const benchCase: BenchCase = {
  name: 'upload',
  summary: 'Uploads of 100 MiB to S3: ours against Fastify, FastAPI and the least that has to be done',
  async open(defer) {
    const folder = makeBenchFolder(defer);
    const ours = await openOurs(folder, defer);
    const { plain, tls } = await startS3Sink(folder, defer);
    const sink = { plain, tls };
    const candidates: Candidate[] = [];
    for (const [link, settings] of Object.entries(sink)) {
      const servers = await startAll(folder, ours.start, settings, defer);
      for (const atOnce of counts) {
        for (const [name, server] of Object.entries(servers)) {
          candidates.push(createCandidate(`${name}, ${atOnce} at once, ${link}`, server, ours.token, atOnce));
        }
      }
    }
    const s3 = await startS3WithBucket(folder, defer);
    candidates.push(
      createCandidate('ours, 4 at once, versitygw', await ours.start(s3), ours.token, 4),
      createCandidate('Fastify, 4 at once, versitygw', await startFastify(folder, s3, defer), ours.token, 4),
    );
    return { candidates, targets: listTargets(Object.keys(sink)), runMetadata: { fileMiB, uploadsPerRoundMin } };
  },
};

async function startAll(
  folder: string,
  startOurs: (settings: Settings) => Promise<UploadServer>,
  settings: Settings,
  defer: Defer,
): Promise<Record<string, UploadServer>> {
  return {
    floor: await startFloor(folder, settings, defer),
    'floor by SIMD': await startFloor(folder, { ...settings, CRC32: 'simd' }, defer),
    ours: await startOurs(settings),
    Fastify: await startFastify(folder, settings, defer),
    FastAPI: await startFastApi(folder, settings, defer),
  };
}

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
  const bounds = { floor: 1.1, 'floor by SIMD': 1.1, Fastify: 1 / 4, FastAPI: 1 / 5 };
  return links.flatMap((link) =>
    counts.flatMap((atOnce) =>
      Object.entries(bounds).map(([peer, bound]): Target => {
        const row = `${atOnce} at once, ${link}`;
        const of = [`ours, ${row}`, figure] as const;
        return { what: `CPU, ${row}: ours / ${peer}`, of, against: [`${peer}, ${row}`, figure], is: '<=', bound };
      }),
    ),
  );
}
