import { startS3Sink } from '../../scripts/dev/testbed/s3-sink.ts';
import { makeBenchFolder } from '../../scripts/dev/testbed/servers.ts';
import { readPeakMemoryMiB, resetPeakMemory } from '../../scripts/lib/process-cost.ts';
import { atMost, type BenchCase, type Candidate } from '../lib/bench-case.ts';
import { createUploadBody, runUploads } from '../lib/upload-load.ts';
import { openOurs, type UploadServer } from '../lib/upload-servers.ts';

const atOnce = 8;
const bytesPerRound = 1_600_000_000;
const figure = 'peakMemoryMiB';
const [short, long] = ['10 MB files', '100 MB files'];

/** The peak memory of a web process must not depend on the length of the files. */
export const benchCase: BenchCase = {
  name: 'upload-memory',
  summary: 'Peak resident memory of a web process during 8 uploads at once, of 10 MB and of 100 MB',
  async open(defer) {
    const folder = makeBenchFolder(defer);
    const ours = await openOurs(folder, defer);
    const { plain } = await startS3Sink(folder, defer);
    return {
      // Each size has a process of its own, because a process rarely returns memory to the system.
      candidates: [
        createCandidate(short, await ours.start(plain), ours.token, 10_000_000),
        createCandidate(long, await ours.start(plain), ours.token, 100_000_000),
      ],
      targets: [atMost(`peak memory with ${long} / with ${short}`, [long, figure], 1.05, [short, figure])],
      runMetadata: { atOnce, bytesPerRound },
    };
  },
};

function createCandidate(name: string, { port, pid }: UploadServer, token: string, fileBytes: number): Candidate {
  const body = createUploadBody(fileBytes);
  return {
    name,
    async run() {
      resetPeakMemory([pid]);
      await runUploads({ port, token, body, uploads: bytesPerRound / fileBytes, atOnce });
      return { [figure]: readPeakMemoryMiB([pid]) };
    },
  };
}
