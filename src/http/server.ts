import { createServe, type OnOver, type Serve } from './dispatch.ts';
import { createDocs } from './docs.ts';
import { type Exchange, openExchange } from './exchange.ts';
import { type Reply, sendReply } from './reply.ts';
import type { Route } from './route.ts';
import { routes } from './routes.ts';
import type { Service } from './service.ts';
import { App, configure, type TemplatedApp, type us_listen_socket, us_listen_socket_close } from './uws.ts';

export interface WebServer {
  /** Resolves to the port, which several processes may share; rejects when it cannot be had. */
  listen(port: number): Promise<number>;
  /** New connections go elsewhere from here on; those that are open are still served. */
  stopListening(): void;
  inFlight(): number;
  /** Open connections, whether or not a request is under way on them. */
  connections(): number;
}

export function createServer(service: Service): WebServer {
  configure('silent');
  const app = App();
  let inFlight = 0;
  let connections = 0;
  let socket: us_listen_socket | false = false;
  const onOver: OnOver = (exchange) => {
    inFlight -= 1;
    recordRequest(exchange, service);
  };
  const counted =
    (serve: Serve): Serve =>
    (res, req, method) => {
      inFlight += 1;
      serve(res, req, method);
    };

  for (const [path, group] of groupByPath(routes))
    registerPath(app, path, group, (route) => createServe(route, service, onOver), counted, onOver);
  for (const [path, reply] of createDocs(routes, service.config.release)) {
    registerPath(app, path, [{ method: 'GET' }], () => serveFixed(path, reply, onOver), counted, onOver);
  }
  const countConnection = (_: unknown, change: unknown): void => {
    connections += Number(change);
  };
  app.filter(countConnection);
  const unknown = counted(serveFixed('unknown', { status: 404, body: { detail: 'Not Found' } }, onOver));
  app.any('/*', (res, req) => unknown(res, req, req.getMethod().toUpperCase()));

  return {
    listen: (port) =>
      new Promise((resolve, reject) => {
        app.listen(port, (token) => {
          socket = token;
          if (token) resolve(port);
          else reject(new Error(`Expected port ${port} to be free, got it taken: set PORT to another one`));
        });
      }),
    stopListening() {
      if (socket) us_listen_socket_close(socket);
      socket = false;
    },
    inFlight: () => inFlight,
    connections: () => connections,
  };
}

/** All of one path: each method, HEAD where there is GET, 405 for the rest; the same again behind a trailing slash. */
function registerPath<R extends Pick<Route, 'method'>>(
  app: TemplatedApp,
  path: string,
  group: readonly R[],
  create: (route: R) => Serve,
  counted: (serve: Serve) => Serve,
  onOver: OnOver,
): void {
  const pattern = path.replace(/\{(\w+)\}/g, ':$1');
  const methods = group
    .map((route) => route.method)
    .flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  const notAllowed = serveFixed(
    path,
    { status: 405, body: { detail: 'Method Not Allowed' }, headers: [['Allow', methods.join(', ')]] },
    onOver,
  );
  const serves = new Map(group.map((route) => [route.method, counted(create(route))] as const));
  const others = counted(notAllowed);
  const get = serves.get('GET');
  for (const each of path === '/' ? [pattern] : [pattern, `${pattern}/`]) {
    // Each method is named, also to refuse it: `any` comes after the parameters of other paths.
    const [post, del] = [serves.get('POST') ?? others, serves.get('DELETE') ?? others];
    app.get(each, (res, req) => (get ?? others)(res, req, 'GET'));
    app.post(each, (res, req) => post(res, req, 'POST'));
    app.del(each, (res, req) => del(res, req, 'DELETE'));
    app.any(each, (res, req) => {
      // `getMethod` turns what `getCaseSensitiveMethod` reads into lower case: only one of the two can be relied on.
      const method = req.getMethod().toUpperCase();
      if (get !== undefined && method === 'HEAD') get(res, req, method);
      else others(res, req, method);
    });
  }
}

function groupByPath(all: readonly Route[]): Map<string, Route[]> {
  const groups = new Map<string, Route[]>();
  for (const route of all) groups.set(route.path, [...(groups.get(route.path) ?? []), route]);
  return groups;
}

function serveFixed(route: string, reply: Reply, onOver: OnOver): Serve {
  return (res, req, method) => {
    const exchange = openExchange(res, req, method, route);
    sendReply(exchange, reply);
    onOver(exchange);
  };
}

/** Of any other a client could make up as many as it likes, and each would be a row of the metrics for ever. */
const knownMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** One line and one observation a request; an aborted one counts as 499, as balancers write it. */
function recordRequest(exchange: Exchange, { logRequest, metrics }: Service): void {
  const seconds = (performance.now() - exchange.startedAt) / 1000;
  const status = exchange.wasAborted ? 499 : exchange.status;
  const { method, route, requestId, bytesIn, bytesOut } = exchange;
  metrics.requestSeconds.observe(route, knownMethods.has(method) ? method : 'other', status, seconds);
  logRequest({ requestId, method, route, status, seconds, bytesIn, bytesOut });
}
