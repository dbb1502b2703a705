import type { Agent } from 'undici';
import { type FilePart, OpenedFile, type OutgoingBody, prepareBody } from '../bodies.ts';
import { abortHalfway, ClientAborted, chooseBehavior, sendSlowly } from '../client-behavior.ts';
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

/** k6's `http.asyncRequest`. Resolves for errors as well, with status 0. */
export async function asyncRequest(method: string, url: string, body?: unknown, params: Params = {}) {
  const unknown = Object.keys(params ?? {}).find((name) => !knownParams.includes(name));
  if (unknown !== undefined) throw refuse(`The request parameter ${unknown}`);
  const iteration = currentIteration();
  // The latency of an iteration's first request counts from the time at which the iteration was due.
  const beginsAt = iteration.dueAt ?? now();
  iteration.dueAt = undefined;
  agent ??= openAgent();
  const outgoing = prepareBody(body);
  const aborting = new AbortController();
  const { behavior, content } = applyBehavior(iteration, outgoing, () => aborting.abort());
  const result = await sendRequest(agent, {
    method: method.toUpperCase(),
    url: new URL(url),
    headers: listHeaders(params, outgoing.contentType, outgoing.bytes, body !== undefined && body !== null),
    body: content,
    timeoutMs: params.timeout === undefined ? defaultTimeoutMs : parseDuration(params.timeout, 'timeout'),
    keepsBody: params.responseType === undefined ? !thread.discardsBodies : params.responseType === 'text',
    signal: behavior === 'aborting' ? AbortSignal.any([iteration.signal, aborting.signal]) : iteration.signal,
  });
  if ([301, 302, 303, 307, 308].includes(result.status) && params.redirects !== 0) {
    throw refuse(`Following a redirect (${url})`, 'request its target, or set redirects: 0');
  }
  if (aborting.signal.aborted) {
    thread.samples.add('client_aborts', 1, internTags({ ...iteration.tags, scenario: iteration.scenario }), beginsAt);
    throw new ClientAborted();
  }
  // A request that was cancelled at the end of the run does not measure the server.
  if (!iteration.signal.aborted)
    measure(iteration, {
      method,
      url,
      params: behavior === 'slow' ? nameAsSlow(params, url) : params,
      result,
      beginsAt,
      sentBytes: outgoing.bytes,
    });
  return toResponse(url, result, beginsAt);
}

/** Only bodies from files are long enough to be sent slowly or aborted. */
function applyBehavior(iteration: Iteration, outgoing: OutgoingBody, abort: () => void) {
  const content = outgoing.open();
  const behavior = chooseBehavior(thread.behavior, iteration.inTest);
  if (content === null || typeof content === 'string' || behavior === 'ordinary')
    return { behavior: 'ordinary', content };
  if (behavior === 'slow') return { behavior, content: sendSlowly(content, thread.behavior.slowBytesPerSecond) };
  return { behavior, content: abortHalfway(content, outgoing.bytes, abort) };
}

/** Slow clients get a separate name, because their latency does not measure the server. */
function nameAsSlow(params: Params, url: string): Params {
  return { ...params, tags: { ...params.tags, name: `${params.tags?.['name'] ?? url} (slow client)` } };
}

/** k6's `http.file`. The bytes are read from disk while they are sent. */
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

/** The default export, which rejects names that this engine does not have. */
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

function toResponse(url: string, result: HttpResult, beginsAt: number) {
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
