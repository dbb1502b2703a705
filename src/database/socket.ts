import { once } from 'node:events';
import { isIP, Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { databaseConnectTimeoutSeconds } from '../limits.ts';

/** The database did not answer in time. The code makes every classifier of connection errors treat it as unreachable. */
export class DatabaseTimeoutError extends Error {
  readonly code = 'ETIMEDOUT';

  constructor(message: string) {
    super(message);
    this.name = 'DatabaseTimeoutError';
  }
}

/** The options that the driver passes to `socket`. */
interface Target {
  readonly host: readonly string[];
  readonly port: readonly number[];
  readonly path: string | false | undefined;
}

/**
 * Returns options with which postgres.js detects a connection that is lost without FIN or RST. Without them its query never
 * settles. A socket without a byte in either direction for `silenceMs` is closed, which rejects its query and makes the pool open
 * another one. `silenceMs` must exceed the statement time-out and the driver's idle time-out. TLS is established before the
 * driver gets the socket.
 */
export function socketOptions(url: string, silenceMs: number) {
  const sslMode = readSslMode(url);
  const socket = async (target: Target): Promise<Duplex> => {
    const plain = connectPlain(target);
    if (sslMode === undefined) return watch(plain, silenceMs);
    try {
      return watch(await startTls(plain, target.host[0] ?? '', sslMode), silenceMs);
    } catch (error) {
      plain.on('error', () => undefined).destroy();
      return failLater(describeFailure(error));
    }
  };
  return { ssl: false as const, socket };
}

/** Returns the sslmode of a URL as the driver reads it. Undefined when the connection is not to be encrypted. */
function readSslMode(url: string): string | undefined {
  const { searchParams } = new URL(url);
  const mode = searchParams.get('sslmode') ?? searchParams.get('ssl');
  return mode === null || mode === 'disable' || mode === 'false' ? undefined : mode;
}

function connectPlain({ host, port, path }: Target): Socket {
  const socket = new Socket();
  return path ? socket.connect(path) : socket.connect(port[0] ?? 5432, host[0] ?? 'localhost');
}

function watch(socket: Socket, silenceMs: number): Socket {
  reportErrorsAtEnd(socket);
  // Without an error the driver retries without end when a server, or a balancer without targets, accepts and closes.
  socket.once('end', () => {
    if (socket.bytesRead === 0)
      socket.destroy(new DatabaseTimeoutError('Expected an answer from PostgreSQL, got a closed connection'));
  });
  return socket.setTimeout(silenceMs, () => {
    socket.destroy(new DatabaseTimeoutError(`Expected an answer from PostgreSQL within ${silenceMs} ms, got none`));
  });
}

/** Delays the error event until the socket closes: postgres.js 3.4 never settles a query that it sends between the two. */
function reportErrorsAtEnd(socket: Socket): void {
  const emit = socket.emit.bind(socket) as (event: string | symbol, ...args: unknown[]) => boolean;
  let failure: unknown;
  socket.emit = (event: string | symbol, ...args: unknown[]) => {
    if (event === 'error') {
      failure = args[0];
      return true;
    }
    if (event === 'close' && failure !== undefined) emit('error', failure);
    return emit(event, ...args);
  };
}

/** The SSLRequest message. PostgreSQL answers `S` when it accepts TLS and `N` when it does not. */
const sslRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

async function startTls(plain: Socket, host: string, sslMode: string): Promise<Socket> {
  const signal = AbortSignal.timeout(databaseConnectTimeoutSeconds * 1000);
  plain.write(sslRequest);
  const [answer] = (await once(plain, 'data', { signal })) as [Buffer];
  if (answer.toString('latin1', 0, 1) !== 'S') {
    if (sslMode === 'prefer') return plain;
    throw new Error('Expected PostgreSQL to accept TLS, got a refusal');
  }
  const secure = connectTls({ socket: plain, ...tlsOptions(host, sslMode) });
  await once(secure, 'secureConnect', { signal });
  return secure;
}

/** Returns TLS options by the driver's names. `require`, `allow` and `prefer` encrypt without verifying the certificate. */
function tlsOptions(host: string, sslMode: string): ConnectionOptions {
  const isVerified = !['require', 'allow', 'prefer'].includes(sslMode);
  return { rejectUnauthorized: isVerified, ...(isIP(host) ? {} : { servername: host }) };
}

function describeFailure(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  if (error.name !== 'AbortError') return error;
  return new DatabaseTimeoutError(`Expected TLS with PostgreSQL within ${databaseConnectTimeoutSeconds} s, got none`);
}

/**
 * Returns a socket that fails after the driver's first message. The driver blocks a slot of its pool when it gets no socket; when
 * the socket fails before the first message, postgres.js 3.4 does not send that of any later connection in the slot.
 */
function failLater(error: Error): Duplex {
  const socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  setTimeout(() => socket.destroy(error), 1);
  return socket;
}
