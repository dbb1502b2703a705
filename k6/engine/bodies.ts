import { randomBytes } from 'node:crypto';
import { open } from 'node:fs/promises';
import { refuse } from './exit-codes.ts';

/** The result of `open(path, 'b')` in this engine: the file's path and length, without its bytes. */
export class OpenedFile {
  readonly path: string;
  readonly byteLength: number;

  constructor(path: string, byteLength: number) {
    this.path = path;
    this.byteLength = byteLength;
    // biome-ignore lint/correctness/noConstructorReturn: a property of k6's ArrayBuffer that is missing here must not read as undefined.
    return new Proxy(this, {
      get(target, name) {
        if (name in target || typeof name === 'symbol' || name === 'toJSON') return Reflect.get(target, name);
        throw refuse(`${String(name)} of a file opened as binary`, 'pass it to http.file');
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
  /** Opens the body; every call reads it from the start. */
  open(): string | AsyncIterable<Uint8Array> | null;
}

/** The size of a chunk that is read from a file. */
const chunkBytes = 64 * 1024;

/** Prepares a body as k6 does. A form is multipart if one of its fields is a file, and urlencoded otherwise. */
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
  const parts: (Buffer | OpenedFile)[] = fields.flatMap(([name, value]) => {
    const content = isFilePart(value) ? value.data : String(value);
    return [Buffer.from(`--${boundary}\r\n${formatHead(name, value)}\r\n\r\n`), toPart(content), Buffer.from('\r\n')];
  });
  parts.push(Buffer.from(`--${boundary}--\r\n`));
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    bytes: parts.reduce((sum, part) => sum + part.byteLength, 0),
    open: () => streamParts(parts),
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

function toPart(content: OpenedFile | string): Buffer | OpenedFile {
  return typeof content === 'string' ? Buffer.from(content) : content;
}

async function* streamParts(parts: readonly (Buffer | OpenedFile)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    if (part instanceof OpenedFile) yield* streamFile(part);
    else yield part;
  }
}

/**
 * Reads the file with two alternating buffers. A chunk is as long as a socket's high-water mark, so undici requests the next
 * chunk only after it has passed the previous one to the system.
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
