import type { AppContext } from './app-context.ts';
import type { Cors } from './cors.ts';
import { createServe } from './dispatch.ts';
import { errorReply } from './error-reply.ts';
import { type OnOver, type Reply, sendReply } from './reply.ts';
import type { OpenRequestContext } from './request-context.ts';
import type { Row } from './route.ts';
import { type Method, methods, type openApp, type Serve } from './uws.ts';

interface ServerDeps {
  readonly app: AppContext;
  readonly server: ReturnType<typeof openApp>;
  readonly cors: Cors;
  readonly openContext: OpenRequestContext;
  readonly onOver: OnOver;
  readonly serveFixed: (route: string, reply: Reply) => Serve;
}

/**
 * Serves all rows of one path, with and without a trailing slash. HEAD follows from GET, 405 and, where other origins may use the
 * service, OPTIONS follow from all rows. A row overrides HEAD or OPTIONS. `Allow` lists OPTIONS only if it has a row.
 */
export function registerPath(path: string, rows: readonly Row[], deps: ServerDeps): void {
  const serves = new Map<Method, Serve>();
  for (const row of rows) serves.set(row.method, createServe(row, deps.app, deps.openContext, deps.onOver));
  const get = serves.get('GET');
  if (get !== undefined && !serves.has('HEAD')) serves.set('HEAD', get);
  const allowed = methods.filter((method) => serves.has(method));
  const allow = ['Allow', allowed.join(', ')] as const;
  if (deps.cors.isOn) serves.set('OPTIONS', serveOptions(path, allowed, serves.get('OPTIONS'), deps));
  const others = deps.serveFixed(path, errorReply('method_not_allowed', undefined, [allow]));
  const pattern = path.replace(/\{(\w+)\}/g, ':$1');
  for (const each of path === '/' ? [pattern] : [pattern, `${pattern}/`]) deps.server.route(each, serves, others);
}

/** Responds to OPTIONS. A preflight request gets the CORS headers, whether or not the path has an OPTIONS row. */
function serveOptions(path: string, allowed: readonly Method[], own: Serve | undefined, deps: ServerDeps): Serve {
  const { cors, openContext, onOver } = deps;
  const allow = ['Allow', allowed.join(', ')] as const;
  return (res, req, method) => {
    const isPreflight = cors.isOn && req.getHeader('access-control-request-method') !== '';
    if (own !== undefined && !isPreflight) return own(res, req, method);
    const headers = isPreflight ? cors.describePreflight(req.getHeader('origin'), allowed) : [];
    sendReply(openContext(res, req, method, path), { status: 204, headers: [allow, ...headers] }, onOver);
  };
}
