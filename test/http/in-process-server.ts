import type { Test } from 'tap';
import { freePort } from '../../scripts/lib/ports.ts';
import type { AppContext } from '../../src/http/app-context.ts';
import { openClientReader } from '../../src/http/client-address.ts';
import type { Row } from '../../src/http/route.ts';
import { createServer } from '../../src/http/server.ts';
import { createRegistry, createWebMetrics } from '../../src/metrics.ts';
import { openTokens } from '../../src/tokens.ts';

export interface InProcessServer {
  port: number;
  baseUrl: string;
  inFlight(): number;
  /** A token of user 1, who exists. No other user does. */
  token: string;
  strangerToken: string;
  /** One entry per finished request. */
  requests: { method: string; route: string; status: number }[];
  errors: unknown[];
}

/** Opens the HTTP server of these rows in this process, without database, store and queue: the rows must not need them. */
export async function serveRows(
  t: Test,
  rows: readonly Row[],
  config: Partial<AppContext['config']> = {},
): Promise<InProcessServer> {
  const requests: InProcessServer['requests'] = [];
  const errors: unknown[] = [];
  const tokens = openTokens({
    secretKey: 'a secret of 32 bytes for the tests',
    previousKey: undefined,
    lifetimeSeconds: 60,
  });
  const ignore = () => undefined;
  const app = {
    config: { corsOrigins: [], ...config },
    log: { debug: ignore, info: ignore, warn: ignore, error: ({ err }: { err: unknown }) => errors.push(err) },
    logRequest: (request: InProcessServer['requests'][number]) => requests.push(request),
    metrics: createWebMetrics(createRegistry('test')),
    tokens,
    readClient: openClientReader({ trustedHops: 0, trustedProxies: [], ...config }, ignore),
    knownUsers: { has: ({ userId }: { userId: number }) => userId === 1 || Promise.resolve(false) },
    throttle: undefined,
    heldBytes: { held: 0 },
    lifecycle: { isDraining: false, uploads: 0, cutOff: new AbortController() },
  } as unknown as AppContext;
  const server = createServer(app, rows);
  const port = await freePort();
  server.listen(port);
  t.teardown(server.stopListening);
  const [token, strangerToken] = [tokens.issue(1), tokens.issue(2)];
  const { inFlight } = server;
  return { port, baseUrl: `http://127.0.0.1:${port}`, inFlight, token, strangerToken, requests, errors };
}
