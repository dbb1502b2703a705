import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { refuse } from './exit-codes.ts';

/** What `open(path, 'b')` gives here: the file's place and length, never its bytes. */
export class OpenedFile {
  readonly path: string;
  readonly byteLength: number;

  constructor(path: string, byteLength: number) {
    this.path = path;
    this.byteLength = byteLength;
    // biome-ignore lint/correctness/noConstructorReturn: a property that k6's ArrayBuffer has and this has not must not read as undefined.
    return new Proxy(this, {
      get(target, name) {
        if (name in target || typeof name === 'symbol' || name === 'toJSON') return Reflect.get(target, name);
        throw refuse(`${String(name)} of a file opened as binary`, 'give it to http.file');
      },
    });
  }
}

export interface FilePart {
  data: OpenedFile | string;
  filename: string;
  content_type: string;
}

export interface OutgoingBody {
  contentType: string | undefined;
  bytes: number;
  /** Every call reads from the start. */
  open(): string | AsyncIterable<Uint8Array> | null;
}

/** At most this much of a file is in memory per upload. */
const chunkBytes = 64 * 1024;

/** A form as k6 sends it: multipart as soon as one of its fields is a file, urlencoded without. */
export function prepareBody(body: unknown): OutgoingBody {
  if (body === undefined || body === null) return { contentType: undefined, bytes: 0, open: () => null };
  if (typeof body === 'string') {
    return { contentType: undefined, bytes: Buffer.byteLength(body), open: () => body };
  }
  if (body instanceof OpenedFile) {
    return { contentType: undefined, bytes: body.byteLength, open: () => streamFile(body) };
  }
  if (typeof body !== 'object' || Object.getPrototypeOf(body) !== Object.prototype) throw refuse('This kind of body');
  const fields = Object.entries(body as Record<string, unknown>);
  if (!fields.some(([, value]) => isFilePart(value))) {
    const text = new URLSearchParams(
      Object.fromEntries(fields.map(([name, value]) => [name, String(value)])),
    ).toString();
    return { contentType: 'application/x-www-form-urlencoded', bytes: text.length, open: () => text };
  }
  return prepareForm(fields);
}

function prepareForm(fields: readonly [string, unknown][]): OutgoingBody {
  const boundary = randomBytes(30).toString('hex');
  const pieces: (Buffer | OpenedFile)[] = fields.flatMap(([name, value]) => {
    const content = isFilePart(value) ? value.data : String(value);
    return [Buffer.from(`--${boundary}\r\n${formatHead(name, value)}\r\n\r\n`), asPiece(content), Buffer.from('\r\n')];
  });
  pieces.push(Buffer.from(`--${boundary}--\r\n`));
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    bytes: pieces.reduce((sum, piece) => sum + piece.byteLength, 0),
    open: () => streamPieces(pieces),
  };
}

function formatHead(name: string, value: unknown): string {
  const disposition = `Content-Disposition: form-data; name="${escapeName(name)}"`;
  if (!isFilePart(value)) return disposition;
  return `${disposition}; filename="${escapeName(value.filename)}"\r\nContent-Type: ${value.content_type}`;
}

function escapeName(name: string): string {
  return name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function isFilePart(value: unknown): value is FilePart {
  return typeof value === 'object' && value !== null && 'filename' in value && 'content_type' in value;
}

function asPiece(content: OpenedFile | string): Buffer | OpenedFile {
  return typeof content === 'string' ? Buffer.from(content) : content;
}

async function* streamPieces(pieces: readonly (Buffer | OpenedFile)[]): AsyncGenerator<Uint8Array> {
  for (const piece of pieces) {
    if (piece instanceof OpenedFile) yield* streamFile(piece);
    else yield piece;
  }
}

/**
 * Two buffers in turn are enough: a chunk is as long as what a socket takes before it asks to wait, so that the next one is
 * asked for only when the last is with the system.
 */
async function* streamFile({ path, byteLength }: OpenedFile): AsyncGenerator<Uint8Array> {
  const file = await open(path, 'r');
  const buffers = [Buffer.allocUnsafeSlow(chunkBytes), Buffer.allocUnsafeSlow(chunkBytes)];
  try {
    for (let position = 0; position < byteLength; ) {
      const buffer = buffers.reverse()[0] as Buffer;
      const { bytesRead } = await file.read(buffer, 0, Math.min(chunkBytes, byteLength - position), position);
      if (bytesRead === 0) throw new Error(`Expected ${path} to have ${byteLength} bytes, got ${position}`);
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
