import { once } from 'node:events';
import type { Readable } from 'node:stream';
import createBusboy from 'busboy';
import { createMultipartParser } from '../../src/multipart/parser.ts';
import { atLeast, type BenchCase, type Candidate, type Target } from '../lib/bench-case.ts';
import { bodies, contentTypeOf, type MultipartBody } from '../lib/multipart-bodies.ts';

const KiB = 1024;
const chunkKiB = [64, 256, 512] as const;
const cpuUsPerRound = 200_000;
/** Room for whole bodies, so that busboy's streams never wait for the event loop. */
const highWaterMark = 64 * 1024 * 1024;

/** Parses a body chunk by chunk and returns how many file bytes the parser reported. */
type Parse = (body: MultipartBody, chunks: readonly Buffer[]) => number | Promise<number>;

/** Measures body bytes per CPU second of this process. File bytes are counted and dropped. */
export const benchCase: BenchCase = {
  name: 'multipart-parse',
  summary: 'Our multipart parser against busboy, on an ordinary body and on bodies made to be slow',
  async open() {
    const candidates = bodies.flatMap((body) => [
      createCandidate(`ours, ${body.name}`, parseWithOurs, body),
      createCandidate(`busboy, ${body.name}`, parseWithBusboy, body),
    ]);
    return { candidates, targets: listTargets(), runMetadata: { fileBytes: bodies.map((body) => body.fileBytes) } };
  },
};

function createCandidate(name: string, parse: Parse, body: MultipartBody): Candidate {
  return {
    name,
    async run({ isWarmUp }) {
      const figures: Record<string, number> = {};
      for (const size of chunkKiB) {
        const cpuUs = isWarmUp ? cpuUsPerRound / 10 : cpuUsPerRound;
        figures[figureOf(size)] = await measure(parse, body, size * KiB, cpuUs);
      }
      return figures;
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

async function parseWithBusboy({ boundary }: MultipartBody, chunks: readonly Buffer[]): Promise<number> {
  const headers = { 'content-type': contentTypeOf(boundary) };
  const parser = createBusboy({ headers, highWaterMark, fileHwm: highWaterMark });
  let fileBytes = 0;
  parser.on('file', (_name: string, file: Readable) => {
    file.on('data', (bytes: Buffer) => {
      fileBytes += bytes.length;
    });
  });
  for (const chunk of chunks) parser.write(chunk);
  const finished = once(parser, 'finish');
  parser.end();
  await finished;
  return fileBytes;
}

function listTargets(): Target[] {
  const slow = bodies.filter((body) => body.name !== 'ordinary');
  return chunkKiB.flatMap((size): Target[] => {
    const figure = figureOf(size);
    const ordinary = ['ours, ordinary', figure] as const;
    return [
      atLeast(`ordinary body, ${size} KiB chunks: ours / busboy`, ordinary, 2, ['busboy, ordinary', figure]),
      ...slow.map(({ name }) =>
        atLeast(`ours, ${size} KiB chunks: ${name} / ordinary`, [`ours, ${name}`, figure], 0.3, ordinary),
      ),
    ];
  });
}

function figureOf(size: number): string {
  return `chunks${size}KiBMBPerCpuSecond`;
}
