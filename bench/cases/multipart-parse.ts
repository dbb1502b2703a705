import { createMultipartParser } from '../../src/multipart/parser.ts';
import type { BenchCase, Candidate, Figures, Target } from '../lib/bench-case.ts';
import { bodies, type MultipartBody } from '../lib/multipart-bodies.ts';
import { parseWithBusboy, parseWithFastifyBusboy, parseWithRemix } from '../lib/multipart-peers.ts';

const KiB = 1024;
const chunkKiB = [64, 256, 512] as const;
const enoughCpuUs = 200_000;

/** Goes through a body as it arrives, and tells how many bytes of files it was given. */
type Parse = (body: MultipartBody, chunks: readonly Buffer[]) => number | Promise<number>;

const parsers: Readonly<Record<string, Parse>> = {
  ours: parseWithOurs,
  busboy: parseWithBusboy,
  '@fastify/busboy': parseWithFastifyBusboy,
  '@remix-run/multipart-parser': parseWithRemix,
};

/** Bytes of the body per CPU second of this process; the file's bytes are counted and go nowhere. */
export const benchCase: BenchCase = {
  name: 'multipart-parse',
  summary: 'Our multipart parser against three others, on an ordinary body and on bodies made to be slow',
  async open() {
    const candidates = Object.entries(parsers).flatMap(([name, parse]) =>
      bodies.map((body) => createCandidate(`${name}, ${body.name}`, parse, body)),
    );
    return { candidates, targets: listTargets(), runMetadata: { fileBytes: bodies.map((body) => body.fileBytes) } };
  },
};

function createCandidate(name: string, parse: Parse, body: MultipartBody): Candidate {
  return {
    name,
    async run({ isWarmUp }) {
      const figures: Record<string, number> = {};
      for (const size of chunkKiB) {
        figures[figureOf(size)] = await measure(parse, body, size * KiB, isWarmUp ? enoughCpuUs / 10 : enoughCpuUs);
      }
      return figures satisfies Figures;
    },
  };
}

async function measure(parse: Parse, body: MultipartBody, chunkBytes: number, cpuUs: number): Promise<number> {
  const chunks: Buffer[] = [];
  for (let at = 0; at < body.bytes.length; at += chunkBytes) chunks.push(body.bytes.subarray(at, at + chunkBytes));
  const before = process.cpuUsage();
  for (let passes = 1; ; passes += 1) {
    const fileBytes = await parse(body, chunks);
    const { user, system } = process.cpuUsage(before);
    if (fileBytes !== body.fileBytes) throw new Error(`Expected ${body.fileBytes} bytes of a file, got ${fileBytes}`);
    if (user + system >= cpuUs) return (passes * body.bytes.length) / (user + system);
  }
}

function parseWithOurs({ boundary }: MultipartBody, chunks: readonly Buffer[]): number {
  let isFile = false;
  let fileBytes = 0;
  const parser = createMultipartParser(boundary, {
    onPart: (headers) => {
      isFile = headers.isFile;
    },
    onData: (bytes) => {
      if (isFile) fileBytes += bytes.length;
    },
    onPartEnd: () => undefined,
  });
  for (const chunk of chunks) parser.write(chunk);
  parser.end();
  return fileBytes;
}

function listTargets(): Target[] {
  const hostile = bodies.filter((body) => body.name !== 'ordinary');
  return chunkKiB.flatMap((size): Target[] => [
    {
      what: `ordinary body, ${size} KiB chunks: ours / busboy`,
      of: ['ours, ordinary', figureOf(size)],
      against: ['busboy, ordinary', figureOf(size)],
      is: '>=',
      bound: 2,
    },
    ...hostile.map(
      (body): Target => ({
        what: `ours, ${size} KiB chunks: ${body.name} / ordinary`,
        of: [`ours, ${body.name}`, figureOf(size)],
        against: ['ours, ordinary', figureOf(size)],
        is: '>=',
        bound: 0.3,
      }),
    ),
  ]);
}

function figureOf(size: number): string {
  return `chunks${size}KiBMBPerCpuSecond`;
}
