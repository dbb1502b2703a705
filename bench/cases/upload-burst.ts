import { readFileSync } from 'node:fs';
import { slowBytesPerSecond, startS3Sink } from '../../scripts/dev/testbed/s3-sink.ts';
import { makeBenchFolder } from '../../scripts/dev/testbed/servers.ts';
import { readPeakMemoryMiB, resetPeakMemory } from '../../scripts/lib/process-cost.ts';
import { atLeast, atMost, type BenchCase, type Candidate, type Target } from '../lib/bench-case.ts';
import { createUploadBody, runUploads, sendUpload } from '../lib/upload-load.ts';
import { openOurs } from '../lib/upload-servers.ts';
import { startWebGroup, type WebGroup } from '../lib/web-group.ts';

const fileBytes = 66_000_000;
const many = 300;
const few = 8;
const uploadsOfFew = 80;
const body = createUploadBody(fileBytes);

/** Measures both web processes of an instance under more uploads than they can accept: throughput, refusals and memory. */
export const benchCase: BenchCase = {
  name: 'upload-burst',
  summary: 'Two web processes under 300 uploads of 66 MB at once, to a fast S3 and to a slow one',
  async open(defer) {
    const folder = makeBenchFolder(defer);
    const ours = await openOurs(folder, defer);
    const { plain, slow } = await startS3Sink(folder, defer);
    const candidates: Candidate[] = [];
    for (const [link, settings] of Object.entries({ 'fast S3': plain, 'slow S3': slow })) {
      const group = await startWebGroup(2, ours.start, settings);
      candidates.push(sendFew(link, group, ours.token), sendMany(link, group, ours.token));
    }
    return {
      candidates,
      targets: ['fast S3', 'slow S3'].flatMap(listTargets),
      runMetadata: { fileBytes, uploadsOfFew, slowBytesPerSecond, ...readSocketLimits() },
    };
  },
};

function sendFew(link: string, { port, pids }: WebGroup, token: string): Candidate {
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

function sendMany(link: string, { port, pids }: WebGroup, token: string): Candidate {
  return {
    name: nameOf(many, link),
    async run({ isWarmUp }) {
      resetPeakMemory(pids);
      const startedAt = performance.now();
      const count = isWarmUp ? many / 10 : many;
      const outcomes = await Promise.all(Array.from({ length: count }, () => sendUpload({ port, token, body })));
      const seconds = (performance.now() - startedAt) / 1000;
      const accepted = outcomes.filter(({ status }) => status === 201).length;
      const refused = outcomes.filter(({ status }) => status === 503);
      return {
        acceptedPercent: (accepted / count) * 100,
        refused: refused.length,
        lastRefusalSeconds: Math.max(0, ...refused.map((outcome) => outcome.seconds)),
        otherResponses: count - accepted - refused.length,
        MBPerSecond: (accepted * fileBytes) / 1e6 / seconds,
        peakMemoryMiB: readPeakMemoryMiB(pids),
      };
    },
  };
}

function listTargets(link: string): Target[] {
  const name = nameOf(many, link);
  const rate = 'MBPerSecond';
  return [
    atLeast(`${name}: percent accepted`, [name, 'acceptedPercent'], 90),
    atMost(`${name}: seconds until the last 503`, [name, 'lastRefusalSeconds'], 5),
    atMost(`${name}: neither 201 nor 503`, [name, 'otherResponses'], 0),
    atLeast(`bytes per second, ${link}: ${many} / ${few} at once`, [name, rate], 0.9, [nameOf(few, link), rate]),
    atMost(`${name}: peak MiB of both processes`, [name, 'peakMemoryMiB'], 512),
  ];
}

function nameOf(count: number, link: string): string {
  return `${count} at once, ${link}`;
}

/** Reads the kernel's minimum, default and maximum buffer of a socket, in bytes. See bench/in-own-network. */
function readSocketLimits(): Record<string, number[]> {
  const read = (name: string) => readFileSync(`/proc/sys/net/ipv4/${name}`, 'utf8').trim().split(/\s+/).map(Number);
  return Object.fromEntries(['tcp_rmem', 'tcp_wmem'].map((name) => [name, read(name)]));
}
