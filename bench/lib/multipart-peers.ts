import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { Busboy as FastifyBusboy } from '@fastify/busboy';
import { MultipartParser } from '@remix-run/multipart-parser';
import createBusboy from 'busboy';
import { contentTypeOf, type MultipartBody } from './multipart-bodies.ts';

/** Room for whole bodies, so that none of these streams has to wait for another turn of the event loop. */
const highWaterMark = 64 * 1024 * 1024;

export async function parseWithBusboy({ boundary }: MultipartBody, chunks: readonly Buffer[]): Promise<number> {
  const parser = createBusboy({
    headers: { 'content-type': contentTypeOf(boundary) },
    highWaterMark,
    fileHwm: highWaterMark,
  });
  const counter = countFiles(parser);
  await writeAll(parser, chunks);
  return counter.bytes;
}

export async function parseWithFastifyBusboy({ boundary }: MultipartBody, chunks: readonly Buffer[]): Promise<number> {
  const parser = new FastifyBusboy({
    headers: { 'content-type': contentTypeOf(boundary) },
    highWaterMark,
    fileHwm: highWaterMark,
  });
  const counter = countFiles(parser);
  await writeAll(parser, chunks);
  return counter.bytes;
}

/** Gives a part when it is whole and keeps its chunks until then. */
export function parseWithRemix({ boundary }: MultipartBody, chunks: readonly Buffer[]): number {
  const parser = new MultipartParser(boundary, { maxFileSize: highWaterMark, maxTotalSize: highWaterMark });
  let fileBytes = 0;
  for (const chunk of chunks) {
    for (const part of parser.write(chunk)) if (part.isFile) fileBytes += part.size;
  }
  parser.finish();
  return fileBytes;
}

function countFiles(parser: Writable): { bytes: number } {
  const counter = { bytes: 0 };
  parser.on('file', (_name: string, file: Readable) => {
    file.on('data', (bytes: Buffer) => {
      counter.bytes += bytes.length;
    });
  });
  return counter;
}

async function writeAll(parser: Writable, chunks: readonly Buffer[]): Promise<void> {
  for (const chunk of chunks) parser.write(chunk);
  const finished = once(parser, 'finish');
  parser.end();
  await finished;
}
