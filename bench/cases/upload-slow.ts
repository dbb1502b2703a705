import { setTimeout as sleep } from 'node:timers/promises';
import { startS3Sink } from '../../scripts/dev/testbed/s3-sink.ts';
import { makeBenchFolder } from '../../scripts/dev/testbed/servers.ts';
import { readPeakMemoryMiB, resetPeakMemory } from '../../scripts/lib/process-cost.ts';
import type { BenchCase, Candidate, Figures } from '../lib/bench-case.ts';
import { startSlowUploads } from '../lib/slow-uploads.ts';
import { createUploadBody, sendUpload, type UploadOutcome } from '../lib/upload-load.ts';
import { openOurs } from '../lib/upload-servers.ts';
import { startWebGroup, type WebGroup } from '../lib/web-group.ts';

const fileBytes = 100 * 1024 * 1024;
const atOnce = 8;
const uploadsPerRound = 24;
const slowClients = 200;
const slowBytesPerSecond = 24 * 1024;
/** By then the slow uploads hold more memory together than they may while others wait. */
const slowSecondsBefore = 30;
const body = createUploadBody(fileBytes);

const alone = `${atOnce} at once`;
const beside = `${atOnce} at once beside ${slowClients} slow ones`;

/** What slow clients cost all others, and what they are told themselves. */
export const benchCase: BenchCase = {
  name: 'upload-slow',
  summary: `Two web processes that take uploads of 100 MiB, ${atOnce} at once, alone and beside ${slowClients} clients with 24 KiB/s`,
  async open(defer) {
    const folder = makeBenchFolder(defer);
    const ours = await openOurs(folder, defer);
    const { plain } = await startS3Sink(folder, defer);
    const group = await startWebGroup(2, ours.start, plain);
    return {
      candidates: [
        { name: alone, run: ({ isWarmUp }) => uploadAll(group, ours.token, isWarmUp) },
        besideSlowOnes(group, ours.token),
      ],
      targets: [
        { what: 'uploads not answered 201', of: [beside, 'refused'], against: undefined, is: '<=', bound: 0 },
        {
          what: 'seconds per upload: beside / alone',
          of: [beside, 'seconds'],
          against: [alone, 'seconds'],
          is: '<=',
          bound: 1.3,
        },
        {
          what: 'MiB of both processes at their peak',
          of: [beside, 'peakMemoryMiB'],
          against: undefined,
          is: '<=',
          bound: 512,
        },
        {
          what: 'slow clients whose connection was reset',
          of: [beside, 'slowReset'],
          against: undefined,
          is: '<=',
          bound: 0,
        },
      ],
      runMetadata: { fileBytes, uploadsPerRound, slowClients, slowBytesPerSecond, slowSecondsBefore },
    };
  },
};

function besideSlowOnes(group: WebGroup, token: string): Candidate {
  return {
    name: beside,
    async run({ isWarmUp }) {
      const load = { port: group.port, token, body, clients: slowClients, bytesPerSecond: slowBytesPerSecond };
      const slow = startSlowUploads(load);
      await sleep(isWarmUp ? 1_000 : slowSecondsBefore * 1_000);
      const figures = await uploadAll(group, token, isWarmUp);
      const { inProgress, statuses } = slow.stop();
      const { 0: slowReset = 0, 503: slowEnded = 0 } = statuses;
      return { ...figures, slowInProgress: inProgress, slowEnded, slowReset };
    },
  };
}

async function uploadAll({ port, pids }: WebGroup, token: string, isWarmUp: boolean): Promise<Figures> {
  let left = isWarmUp ? atOnce : uploadsPerRound;
  const outcomes: UploadOutcome[] = [];
  const uploadInTurn = async () => {
    for (; left > 0; ) {
      left -= 1;
      outcomes.push(await sendUpload({ port, token, body }));
    }
  };
  resetPeakMemory(pids);
  await Promise.all(Array.from({ length: atOnce }, uploadInTurn));
  const seconds = outcomes.map((outcome) => outcome.seconds);
  return {
    refused: outcomes.filter(({ status }) => status !== 201).length,
    seconds: seconds.reduce((sum, each) => sum + each, 0) / seconds.length,
    slowestSeconds: Math.max(...seconds),
    peakMemoryMiB: readPeakMemoryMiB(pids),
  };
}
