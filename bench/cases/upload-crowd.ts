import { readFileSync } from 'node:fs';
import { slowBytesPerSecond, startS3Sink } from '../../scripts/dev/testbed/s3-sink.ts';
import { makeBenchFolder } from '../../scripts/dev/testbed/servers.ts';
import { readPeakMemoryMiB, resetPeakMemory } from '../../scripts/lib/process-cost.ts';
import type { BenchCase, Candidate, Target } from '../lib/bench-case.ts';
import { createUploadBody, runUploads, sendUpload } from '../lib/upload-load.ts';
import { openOurs } from '../lib/upload-servers.ts';
import { startWebGroup, type WebGroup } from '../lib/web-group.ts';

const fileBytes = 66_000_000;
const crowd = 300;
const few = 8;
const uploadsOfFew = 80;
const body = createUploadBody(fileBytes);

/** Both processes of an instance under more uploads than it can take: who gets in, what the others are told, what it holds. */
export const benchCase: BenchCase = {
  name: 'upload-crowd',
  summary: 'Two web processes under 300 uploads of 66 MB at once, to an S3 that is fast and to one that is slow',
  async open(defer) {
    const folder = makeBenchFolder(defer);
    const ours = await openOurs(folder, defer);
    const { plain, slow } = await startS3Sink(folder, defer);
    const candidates: Candidate[] = [];
    for (const [link, settings] of Object.entries({ 'fast S3': plain, 'slow S3': slow })) {
      const group = await startWebGroup(2, ours.start, settings);
      candidates.push(takeFew(link, group, ours.token), takeCrowd(link, group, ours.token));
    }
    return {
      candidates,
      targets: ['fast S3', 'slow S3'].flatMap(listTargets),
      runMetadata: { fileBytes, uploadsOfFew, slowBytesPerSecond, ...readSocketLimits() },
    };
  },
};

function takeFew(link: string, { port, pids }: WebGroup, token: string): Candidate {
  return {
    name: nameOf(few, link),
    async run({ isWarmUp }) {
      const uploads = isWarmUp ? few : uploadsOfFew;
      resetPeakMemory(pids);
      const startedAt = performance.now();
      await runUploads({ port, token, body, uploads, atOnce: few });
      const seconds = (performance.now() - startedAt) / 1000;
      return { MBPerSecond: (uploads * fileBytes) / 1e6 / seconds, peakMemoryMiB: readPeakMemoryMiB(pids) };
    },
  };
}

function takeCrowd(link: string, { port, pids }: WebGroup, token: string): Candidate {
  return {
    name: nameOf(crowd, link),
    async run({ isWarmUp }) {
      resetPeakMemory(pids);
      const startedAt = performance.now();
      const count = isWarmUp ? crowd / 10 : crowd;
      const outcomes = await Promise.all(Array.from({ length: count }, () => sendUpload({ port, token, body })));
      const seconds = (performance.now() - startedAt) / 1000;
      const taken = outcomes.filter(({ status }) => status === 201).length;
      const refused = outcomes.filter(({ status }) => status === 503);
      return {
        takenPercent: (taken / count) * 100,
        refused: refused.length,
        lastRefusalSeconds: Math.max(0, ...refused.map((outcome) => outcome.seconds)),
        neitherTakenNorRefused: count - taken - refused.length,
        MBPerSecond: (taken * fileBytes) / 1e6 / seconds,
        peakMemoryMiB: readPeakMemoryMiB(pids),
      };
    },
  };
}

function listTargets(link: string): Target[] {
  const name = nameOf(crowd, link);
  return [
    { what: `${name}: percent taken`, of: [name, 'takenPercent'], is: '>=', bound: 90 },
    { what: `${name}: seconds until the last 503`, of: [name, 'lastRefusalSeconds'], is: '<=', bound: 5 },
    { what: `${name}: neither taken nor told 503`, of: [name, 'neitherTakenNorRefused'], is: '<=', bound: 0 },
    {
      what: `bytes per second, ${link}: ${crowd} / ${few} at once`,
      of: [name, 'MBPerSecond'],
      against: [nameOf(few, link), 'MBPerSecond'],
      is: '>=',
      bound: 0.9,
    },
    { what: `${name}: MiB of both processes at their peak`, of: [name, 'peakMemoryMiB'], is: '<=', bound: 512 },
  ];
}

function nameOf(count: number, link: string): string {
  return `${count} at once, ${link}`;
}

/** What the kernel lets one socket hold: least, at first and at most, in bytes. See bench/in-own-network. */
function readSocketLimits(): Record<string, number[]> {
  const read = (name: string) => readFileSync(`/proc/sys/net/ipv4/${name}`, 'utf8').trim().split(/\s+/).map(Number);
  return Object.fromEntries(['tcp_rmem', 'tcp_wmem'].map((name) => [name, read(name)]));
}
