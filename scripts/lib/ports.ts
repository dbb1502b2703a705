import { createServer } from 'node:net';

const host = '127.0.0.1';

/** Returns the first free port from `preferred` on. */
export async function freePortFrom(preferred: number): Promise<number> {
  for (let port = preferred; port < preferred + 200; port += 1) if (await isFree(port)) return port;
  throw new Error(`Expected a free port from ${preferred} to ${preferred + 199}, got none`);
}

/** Returns a free port that the system chooses. */
export async function freePort(): Promise<number> {
  const port = await listenOnce(0, host);
  if (port === undefined) throw new Error('Expected the system to name a free port, got none');
  return port;
}

/** Checks all addresses, because the web processes listen on all of them. */
export async function isFree(port: number): Promise<boolean> {
  return (await listenOnce(port, host)) !== undefined && (await listenOnce(port, '0.0.0.0')) !== undefined;
}

function listenOnce(port: number, address: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host: address, exclusive: true }, () => {
      const bound = server.address();
      server.close(() => resolve(typeof bound === 'object' && bound !== null ? bound.port : undefined));
    });
  });
}
