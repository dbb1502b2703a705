import { connect, type Socket } from 'node:net';

/** The server closes a connection at once, or when it has been idle for 8 s at least. */
const closeWaitMs = 5_000;

export interface RawAnswer {
  status: number;
  /** In the order and case in which they arrived. */
  headers: [name: string, value: string][];
  header(name: string): string | undefined;
  body: string;
  /** How many reads of the socket the response took. */
  reads: number;
  /** Whether the server closed the connection within `closeWaitMs` after the response. */
  closed: boolean;
}

export interface RawOptions {
  /** Written after the head, each when the socket has room. */
  chunks?: (string | Uint8Array)[];
  /** The response has no body, whatever its Content-Length is. */
  isHead?: boolean;
  timeoutMs?: number;
  waitsForClose?: boolean;
}

/** Writes exactly these bytes on a new connection and reads one response. */
export async function sendRaw(port: number, head: string, options: RawOptions = {}): Promise<RawAnswer> {
  const socket = await openSocket(port);
  try {
    const answer = readAnswer(socket, options);
    socket.write(head);
    writeAll(socket, options.chunks ?? []).catch(() => undefined);
    return await answer;
  } finally {
    socket.destroy();
  }
}

export function openSocket(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });
}

async function writeAll(socket: Socket, chunks: (string | Uint8Array)[]): Promise<void> {
  for (const chunk of chunks) {
    if (socket.destroyed) return;
    if (!socket.write(chunk)) await new Promise((resolve) => socket.once('drain', resolve));
  }
}

/** Reads one response. Rejects when the connection ends or the time is up before it is complete. */
export function readAnswer(socket: Socket, options: RawOptions = {}): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    let received = Buffer.alloc(0);
    let reads = 0;
    let found: Omit<RawAnswer, 'closed'> | undefined;
    const timer = setTimeout(() => fail(new Error('no answer in time')), options.timeoutMs ?? 60_000);
    const fail = (error: Error) => {
      clearTimeout(timer);
      if (found === undefined)
        reject(new Error(`Expected an answer, got ${error.message} after ${received.length} bytes`));
    };
    const settle = (closed: boolean) => {
      clearTimeout(timer);
      if (found !== undefined) resolve({ ...found, closed });
    };
    socket.on('data', (chunk) => {
      if (found !== undefined) return;
      received = Buffer.concat([received, chunk]);
      reads += 1;
      found = parseAnswer(received, reads, options.isHead ?? false);
      if (found === undefined) return;
      if (options.waitsForClose) setTimeout(() => settle(false), closeWaitMs);
      else settle(false);
    });
    socket.on('error', fail);
    socket.on('close', () => (found === undefined ? fail(new Error('the end of the connection')) : settle(true)));
    socket.on('end', () => settle(true));
  });
}

function parseAnswer(bytes: Buffer, reads: number, isHead: boolean): Omit<RawAnswer, 'closed'> | undefined {
  const end = bytes.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  if (bytes.subarray(0, 12).toString() === 'HTTP/1.1 100') return parseAnswer(bytes.subarray(end + 4), reads, isHead);
  const [statusLine = '', ...lines] = bytes.toString('utf8', 0, end).split('\r\n');
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const header = (name: string) => headers.find(([each]) => each.toLowerCase() === name)?.[1];
  const length = isHead ? 0 : Number(header('content-length') ?? 0);
  if (bytes.length < end + 4 + length) return undefined;
  const body = bytes.toString('utf8', end + 4, end + 4 + length);
  return { status: Number(statusLine.split(' ')[1]), headers, header, body, reads };
}
