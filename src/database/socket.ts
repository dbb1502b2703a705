import { once } from 'node:events';
import { isIP, Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { databaseConnectTimeoutSeconds } from '../limits.ts';

/** Has a code that counts as "the database is out of reach" wherever errors of connections are classified. */
export class DatabaseTimeoutError extends Error {
  readonly code = 'ETIMEDOUT';

  constructor(message: string) {
    super(message);
    this.name = 'DatabaseTimeoutError';
  }
}

/** What the driver passes on of its options. */
interface Target {
  readonly host: readonly string[];
  readonly port: readonly number[];
  readonly path: string | false | undefined;
}

/**
 * Options of the driver that let it find a connection which is lost without FIN or RST: its query would never settle, and no
 * option of the driver's own changes that. A socket without a byte in either direction for `silenceMs` is closed, which
 * rejects its query and makes the pool open another one. `silenceMs` must exceed the time that a statement may take, and the
 * time after which the driver closes unused connections. TLS is in place when the driver gets a socket.
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

/** Reads an address as the driver does. Undefined where the connection is not to be encrypted. */
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
  // A server (or a balancer without one behind it) that accepts and closes makes the driver retry without end otherwise.
  socket.once('end', () => {
    if (socket.bytesRead === 0) socket.destroy(new DatabaseTimeoutError('PostgreSQL closed the connection unanswered'));
  });
  return socket.setTimeout(silenceMs, () => {
    socket.destroy(new DatabaseTimeoutError(`Expected an answer from PostgreSQL within ${silenceMs} ms, got none`));
  });
}

/** postgres.js 3.4 never settles a query that it sends between the error of a connection and its end: they must coincide. */
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

/** PostgreSQL answers `S` to this where it takes TLS, and `N` where it does not. */
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

/** The names are those of the driver: these three encrypt, and do not ask who the server is. */
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
 * The driver keeps a place in its pool occupied when no socket comes: so it gets one that fails. Not before the driver has
 * sent its first message: postgres.js 3.4 would not send that of any later connection in this place.
 */
function failLater(error: Error): Duplex {
  const socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  setTimeout(() => socket.destroy(error), 1);
  return socket;
}
