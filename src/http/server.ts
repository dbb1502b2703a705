import type { AppContext } from './app-context.ts';
import { createServe } from './dispatch.ts';
import { createDocs } from './docs.ts';
import { type OnOver, type Reply, sendReply } from './reply.ts';
import { openRequestContext, type RequestContext } from './request-context.ts';
import type { Route } from './route.ts';
import { routes } from './routes.ts';
import { openApp, type Serve } from './uws.ts';

export interface WebServer {
  /** Several processes may share a port. Throws when it cannot be had. */
  listen(port: number): void;
  /** New connections go elsewhere from here on; those that are open are still served. */
  stopListening(): void;
  inFlight(): number;
  /** Open connections, whether or not a request is under way on them. */
  connections(): number;
}

type ServeFixed = (route: string, reply: Reply) => Serve;

export function createServer(service: AppContext): WebServer {
  let inFlight = 0;
  let connections = 0;
  const countConnections = (change: number): void => {
    connections += change;
  };
  const onError = (error: unknown): void =>
    service.log.error({ err: error }, 'request closed after an unexpected error');
  const app = openApp(countConnections, onError);
  const onOver: OnOver = (context) => {
    inFlight -= 1;
    recordRequest(context, service);
  };
  const fixed: ServeFixed = (route, reply) => (res, req, method) =>
    sendReply(openRequestContext(res, req, method, route, onError), reply, onOver);
  const counted =
    (serve: Serve): Serve =>
    (res, req, method) => {
      inFlight += 1;
      serve(res, req, method);
    };

  for (const [path, group] of groupByPath(routes))
    registerPath(app, path, group, (route) => createServe(route, service, onOver, onError), counted, fixed);
  for (const [path, reply] of createDocs(routes, service.config.release)) {
    registerPath(app, path, [{ method: 'GET' }], () => fixed(path, reply), counted, fixed);
  }
  const unknown = counted(fixed('unknown', { status: 404, body: { detail: 'Not Found' } }));
  app.route('/*', { get: unknown, post: unknown, del: unknown, any: unknown });

  return {
    listen(port) {
      if (!app.listen(port)) service.log.warn('socket buffers are not bounded on this system');
    },
    stopListening: app.stopListening,
    inFlight: () => inFlight,
    connections: () => connections,
  };
}

/** All of one path: each method, HEAD where there is GET, 405 for the rest; the same again behind a trailing slash. */
function registerPath<R extends Pick<Route, 'method'>>(
  app: ReturnType<typeof openApp>,
  path: string,
  group: readonly R[],
  create: (route: R) => Serve,
  counted: (serve: Serve) => Serve,
  fixed: ServeFixed,
): void {
  const pattern = path.replace(/\{(\w+)\}/g, ':$1');
  const methods = group
    .map((route) => route.method)
    .flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  const headers = [['Allow', methods.join(', ')]] as const;
  const others = counted(fixed(path, { status: 405, body: { detail: 'Method Not Allowed' }, headers }));
  const serves = new Map(group.map((route) => [route.method, counted(create(route))] as const));
  const get = serves.get('GET');
  for (const each of path === '/' ? [pattern] : [pattern, `${pattern}/`]) {
    app.route(each, {
      get: get ?? others,
      post: serves.get('POST') ?? others,
      del: serves.get('DELETE') ?? others,
      any: (res, req, method) => (get !== undefined && method === 'HEAD' ? get : others)(res, req, method),
    });
  }
}

function groupByPath(all: readonly Route[]): Map<string, Route[]> {
  const groups = new Map<string, Route[]>();
  for (const route of all) groups.set(route.path, [...(groups.get(route.path) ?? []), route]);
  return groups;
}

/** Of any other a client could make up as many as it likes, and each would be a row of the metrics for ever. */
const knownMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** One line and one observation a request; an aborted one counts as 499, as balancers write it. */
function recordRequest(context: RequestContext, { logRequest, metrics }: AppContext): void {
  const seconds = (performance.now() - context.startedAt) / 1000;
  const status = context.wasAborted ? 499 : context.status;
  const { method, route, requestId, bytesIn, bytesOut } = context;
  metrics.requestSeconds.observe(route, knownMethods.has(method) ? method : 'other', status, seconds);
  logRequest({ requestId, method, route, status, seconds, bytesIn, bytesOut });
}
