import type { AppContext } from './app-context.ts';
import { openCors } from './cors.ts';
import { createDocs } from './docs.ts';
import { errorReply } from './error-reply.ts';
import { registerPath } from './register-path.ts';
import { type OnOver, type Reply, sendReply } from './reply.ts';
import { type OpenRequestContext, openRequestContext, type RequestContext } from './request-context.ts';
import type { Row } from './route.ts';
import { routes } from './routes.ts';
import { methods, openApp, type Serve } from './uws.ts';

export interface WebServer {
  /** Several processes may share a port. Throws when the port is not available. */
  listen(port: number, host?: string): void;
  /** Closes the port: new connections go to other processes. Open connections are still served. */
  stopListening(): void;
  inFlight(): number;
  /** The number of open connections, with or without a request in flight. */
  connections(): number;
}

/** Opens the server of these rows: those of the API and of its documentation, unless a test passes others. */
export function createServer(
  app: AppContext,
  rows: readonly Row[] = [...routes, ...createDocs(routes, app.config.release)],
): WebServer {
  let inFlight = 0;
  let connections = 0;
  const countConnections = (change: number): void => {
    connections += change;
  };
  const onError = (error: unknown): void => app.log.error({ err: error }, 'request closed after an unexpected error');
  const server = openApp(countConnections, onError);
  const cors = openCors(app.config.corsOrigins);
  const onOver: OnOver = (context) => {
    inFlight -= 1;
    recordRequest(context, app);
  };
  const openContext: OpenRequestContext = (res, req, method, route) => {
    inFlight += 1;
    const corsFields = cors.isOn ? cors.describeFields(req.getHeader('origin')) : '';
    return openRequestContext(res, req, method, route, onError, corsFields);
  };
  const serveFixed =
    (route: string, reply: Reply): Serve =>
    (res, req, method) =>
      sendReply(openContext(res, req, method, route), reply, onOver);

  for (const [path, group] of groupByPath(rows)) {
    registerPath(path, group, { app, server, cors, openContext, onOver, serveFixed });
  }
  server.route('/*', new Map(), serveFixed('unknown', errorReply('route_not_found')));

  return {
    listen(port, host) {
      if (!server.listen(port, host)) app.log.warn('socket buffers are not bounded on this system');
    },
    stopListening: server.stopListening,
    inFlight: () => inFlight,
    connections: () => connections,
  };
}

function groupByPath(all: readonly Row[]): Map<string, Row[]> {
  const groups = new Map<string, Row[]>();
  for (const row of all) groups.set(row.path, [...(groups.get(row.path) ?? []), row]);
  return groups;
}

/** The methods that are counted. Others count as `other`, because clients could create any number of metric series. */
const knownMethods: ReadonlySet<string> = new Set(methods);

/** Writes one log line and one observation per request. A request whose client left counts as 499, as load balancers log it. */
function recordRequest(context: RequestContext, { logRequest, metrics }: AppContext): void {
  const seconds = (performance.now() - context.startedAt) / 1000;
  const status = context.wasAborted ? 499 : context.status;
  const { method, route, requestId, bytesIn, bytesOut } = context;
  metrics.requestSeconds.observe(route, knownMethods.has(method) ? method : 'other', status, seconds);
  logRequest({ requestId, method, route, status, seconds, bytesIn, bytesOut });
}
