import { startS3Sink } from '../../scripts/dev/testbed/s3-sink.ts';
import { makeBenchFolder } from '../../scripts/dev/testbed/servers.ts';
import { readPeakMemoryMiB, resetPeakMemory } from '../../scripts/lib/process-cost.ts';
import type { BenchCase, Candidate } from '../lib/bench-case.ts';
import { createUploadBody, runUploads } from '../lib/upload-load.ts';
import { openOurs, type UploadServer } from '../lib/upload-servers.ts';

const atOnce = 8;
const bytesPerRound = 1_600_000_000;
const figure = 'peakMemoryMiB';

/** What a web process holds at its highest must not depend on how long the files are. */
export const benchCase: BenchCase = {
  name: 'upload-memory',
  summary: 'Peak resident memory of a web process taking 8 uploads at once, of 10 MB and of 100 MB',
  async open(defer) {
    const folder = makeBenchFolder(defer);
    const ours = await openOurs(folder, defer);
    const { plain } = await startS3Sink(folder, defer);
    // A process of its own for each: memory once used is rarely given back.
    return {
      candidates: [
        createCandidate('10 MB files', await ours.start(plain), ours.token, 10_000_000),
        createCandidate('100 MB files', await ours.start(plain), ours.token, 100_000_000),
      ],
      targets: [
        {
          what: 'peak memory with 100 MB files / with 10 MB files',
          of: ['100 MB files', figure],
          against: ['10 MB files', figure],
          is: '<=',
          bound: 1.05,
        },
      ],
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
