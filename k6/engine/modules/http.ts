import type { Agent } from 'undici';
import { type FilePart, OpenedFile, type OutgoingBody, prepareBody } from '../bodies.ts';
import { ClientLeft, chooseBehavior, leaveHalfway, trickle } from '../client-behavior.ts';
import { parseDuration } from '../durations.ts';
import { refuse } from '../exit-codes.ts';
import { type HttpResult, openAgent, sendRequest } from '../http-request.ts';
import { currentIteration, type Iteration, internTags, now, thread } from '../runtime.ts';

interface Params {
  headers?: Record<string, string>;
  tags?: Record<string, string>;
  timeout?: string | number;
  responseType?: 'text' | 'none';
  responseCallback?: StatusTest;
  redirects?: number;
}

type StatusTest = (status: number) => boolean;

const knownParams = ['headers', 'tags', 'timeout', 'responseType', 'responseCallback', 'redirects'];
const defaultTimeoutMs = 60_000;
let agent: Agent | undefined;

/** k6's `http.asyncRequest`: resolves whatever comes, also an error (status 0). */
export async function asyncRequest(method: string, url: string, body?: unknown, params: Params = {}) {
  const unknown = Object.keys(params ?? {}).find((name) => !knownParams.includes(name));
  if (unknown !== undefined) throw refuse(`The request parameter ${unknown}`);
  const iteration = currentIteration();
  // The latency of an iteration's first request counts from when the iteration was to begin.
  const beginsAt = iteration.dueAt ?? now();
  iteration.dueAt = undefined;
  agent ??= openAgent();
  const outgoing = prepareBody(body);
  const leaving = new AbortController();
  const { manner, content } = mind(iteration, outgoing, () => leaving.abort());
  const result = await sendRequest(agent, {
    method: method.toUpperCase(),
    url: new URL(url),
    headers: listHeaders(params, outgoing.contentType, outgoing.bytes, body !== undefined && body !== null),
    body: content,
    timeoutMs: params.timeout === undefined ? defaultTimeoutMs : parseDuration(params.timeout, 'timeout'),
    keepsBody: params.responseType === undefined ? !thread.discardsBodies : params.responseType === 'text',
    signal: manner === 'leaving' ? AbortSignal.any([iteration.signal, leaving.signal]) : iteration.signal,
  });
  if ([301, 302, 303, 307, 308].includes(result.status) && params.redirects !== 0) {
    throw refuse(`Following a redirect (${url})`, 'ask for its target, or set redirects: 0');
  }
  if (leaving.signal.aborted) {
    thread.samples.add('client_aborts', 1, internTags({ ...iteration.tags, scenario: iteration.scenario }), beginsAt);
    throw new ClientLeft();
  }
  // A request that the run's own end cut short says nothing about the server.
  if (!iteration.signal.aborted)
    measure(iteration, {
      method,
      url,
      params: manner === 'slow' ? asSlow(params, url) : params,
      result,
      beginsAt,
      sentBytes: outgoing.bytes,
    });
  return asResponse(url, result, beginsAt);
}

/** Only bodies from disk are long enough to trickle or to be left. */
function mind(iteration: Iteration, outgoing: OutgoingBody, leave: () => void) {
  const content = outgoing.open();
  const manner = chooseBehavior(thread.behavior, iteration.inTest);
  if (content === null || typeof content === 'string' || manner === 'ordinary') return { manner: 'ordinary', content };
  if (manner === 'slow') return { manner, content: trickle(content, thread.behavior.slowBytesPerSecond) };
  return { manner, content: leaveHalfway(content, outgoing.bytes, leave) };
}

/** Under a name of its own: a client that trickles is no measure of the server. */
function asSlow(params: Params, url: string): Params {
  return { ...params, tags: { ...params.tags, name: `${params.tags?.['name'] ?? url} (slow client)` } };
}

/** k6's `http.file`; the bytes stay on disk until they are sent. */
export function file(data: unknown, filename = `${Date.now()}`, contentType = 'application/octet-stream'): FilePart {
  if (typeof data !== 'string' && !(data instanceof OpenedFile))
    throw refuse('http.file of anything but an opened file');
  return { data, filename, content_type: contentType };
}

export function expectedStatuses(...expected: (number | { min: number; max: number })[]): StatusTest {
  return (status) =>
    expected.some((each) => (typeof each === 'number' ? each === status : status >= each.min && status <= each.max));
}

const members: Record<string, unknown> = { asyncRequest, file, expectedStatuses };

/** What the scenario may call by `http.NAME`; any other name says so. */
const http: unknown = new Proxy(members, {
  get(target, name) {
    if (typeof name === 'symbol' || name in target) return Reflect.get(target, name);
    throw refuse(`http.${name}`, 'use http.asyncRequest, http.file, http.expectedStatuses');
  },
});
export default http;

function listHeaders(params: Params, contentType: string | undefined, bytes: number, hasBody: boolean) {
  const headers: Record<string, string> = { 'user-agent': 'k6-engine' };
  if (contentType !== undefined) headers['content-type'] = contentType;
  for (const [name, value] of Object.entries(params.headers ?? {})) headers[name.toLowerCase()] = value;
  if (hasBody) headers['content-length'] = String(bytes);
  return headers;
}

interface Measured {
  method: string;
  url: string;
  params: Params;
  result: HttpResult;
  beginsAt: number;
  sentBytes: number;
}

function measure(iteration: Iteration, { method, url, params, result, beginsAt, sentBytes }: Measured): void {
  const isExpected = (params.responseCallback ?? ((status) => status >= 200 && status < 400))(result.status);
  const tags = internTags({
    ...iteration.tags,
    name: url,
    method,
    status: String(result.status),
    scenario: iteration.scenario,
    expected_response: String(isExpected),
    ...params.tags,
  });
  const { samples } = thread;
  const { queued, sent, responded, ended } = result.at;
  samples.add('http_reqs', 1, tags, beginsAt);
  samples.add('http_req_duration', ended - beginsAt, tags, beginsAt);
  samples.add('http_req_blocked', sent - queued, tags, beginsAt);
  samples.add('http_req_waiting', responded - sent, tags, beginsAt);
  samples.add('http_req_receiving', ended - responded, tags, beginsAt);
  samples.add('http_req_failed', isExpected ? 0 : 1, tags, beginsAt);
  samples.add('data_received', result.bytesReceived, tags, beginsAt);
  samples.add('data_sent', sentBytes, tags, beginsAt);
}

function asResponse(url: string, result: HttpResult, beginsAt: number) {
  const text = Buffer.concat(result.chunks).toString('utf8');
  const { sent, responded, ended, queued } = result.at;
  return {
    status: result.status,
    url,
    headers: result.headers,
    body: text,
    error: result.error,
    timings: {
      duration: ended - beginsAt,
      blocked: sent - queued,
      waiting: responded - sent,
      receiving: ended - responded,
    },
    json(selector?: string): unknown {
      if (selector !== undefined) throw refuse('A selector of response.json');
      return JSON.parse(text);
    },
  };
}
