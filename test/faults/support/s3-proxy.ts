import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestScope } from '../../support/environment.ts';
import { resetSocket } from './reset-socket.ts';

export interface S3Call {
  operation: 'Create' | 'UploadPart' | 'Complete' | 'Abort' | 'Head' | 'Get' | 'Delete' | 'Other';
  key: string;
  /** From 1, of this operation, since the rule was set. */
  number: number;
}

export type S3Fault =
  /** Answered without being forwarded. */
  | { kind: 'refuse'; status: number; code: string }
  /** The connection is reset once so much of the request has come, or all of it. */
  | { kind: 'cutRequest'; afterBytes: number }
  /** Forwarded and done; the connection is reset instead of the response. */
  | { kind: 'loseAnswer' }
  /** Status 200 with an error in the body, whether done or not. */
  | { kind: 'errorIn200'; isDone: boolean }
  /** Status 200 and the body of a successful Complete; nothing was done. */
  | { kind: 'lie' }
  /** Status 200 and no body. */
  | { kind: 'emptyAnswer'; isDone: boolean }
  | { kind: 'delay'; ms: number }
  /** Forwarded when `until` has resolved. */
  | { kind: 'hold'; until: Promise<unknown> }
  /** The headers of the answer and half of its body, and nothing more. */
  | { kind: 'halfBody' }
  /** Never answered. */
  | { kind: 'hang' };

export type S3Rule = (call: S3Call) => S3Fault | undefined;

/** Starts a proxy between the service and its S3 that knows which call it forwards. Checks that each call names the owner. */
export async function startS3Proxy(t: TestScope, endpoint: string) {
  const target = new URL(endpoint);
  const counts = new Map<string, number>();
  const withoutOwner: string[] = [];
  let rule: S3Rule = () => undefined;
  let faults = 0;

  const server = createServer((incoming, outgoing) => {
    const { operation, key } = describeCall(incoming);
    const number = (counts.get(operation) ?? 0) + 1;
    counts.set(operation, number);
    if (!isOwned(incoming)) withoutOwner.push(`${operation} ${key}`);
    const fault = rule({ operation, key, number });
    if (fault !== undefined) faults += 1;
    // Closed already if the service aborted the call.
    handle(target, incoming, outgoing, fault).catch(() => resetSocket(incoming.socket));
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    withoutOwner,
    faults: () => faults,
    setRule(next: S3Rule): void {
      rule = next;
      counts.clear();
    },
  };
}

function describeCall({ method, url = '/' }: IncomingMessage): Pick<S3Call, 'operation' | 'key'> {
  const { pathname, searchParams } = new URL(url, 'http://s3');
  const key = decodeURIComponent(pathname.split('/').slice(2).join('/'));
  const isUpload = searchParams.has('uploadId');
  const operations: Record<string, S3Call['operation']> = {
    POST: isUpload ? 'Complete' : 'Create',
    PUT: isUpload ? 'UploadPart' : 'Other',
    DELETE: isUpload ? 'Abort' : 'Delete',
    HEAD: key === '' ? 'Other' : 'Head',
    GET: key === '' ? 'Other' : 'Get',
  };
  return { operation: operations[method ?? ''] ?? 'Other', key };
}

function isOwned({ headers, url = '' }: IncomingMessage): boolean {
  return headers['x-amz-expected-bucket-owner'] !== undefined || /[?&]x-amz-expected-bucket-owner=/.test(url);
}

async function handle(
  target: URL,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  fault: S3Fault | undefined,
): Promise<void> {
  switch (fault?.kind) {
    case 'hang':
      return;
    case 'delay':
      await sleep(fault.ms);
      return forward(target, incoming, outgoing);
    case 'hold':
      await fault.until;
      return forward(target, incoming, outgoing);
    case 'halfBody':
      return forwardHalf(target, incoming, outgoing);
    case 'refuse':
      await drop(incoming);
      return answer(outgoing, fault.status, errorXml(fault.code));
    case 'cutRequest':
      return cutRequest(incoming, fault.afterBytes);
    case 'loseAnswer':
      (await callTarget(target, incoming)).resume();
      return void resetSocket(incoming.socket);
    case 'errorIn200':
    case 'emptyAnswer':
      if (fault.isDone) (await callTarget(target, incoming)).resume();
      else await drop(incoming);
      return answer(outgoing, 200, fault.kind === 'emptyAnswer' ? '' : errorXml('InternalError'));
    case 'lie':
      await drop(incoming);
      return answer(outgoing, 200, completedXml);
    default:
      return forward(target, incoming, outgoing);
  }
}

/** Not by leaving a loop over the request: that takes its socket away and leaves the connection open. */
function cutRequest(incoming: IncomingMessage, afterBytes: number): void {
  let bytes = 0;
  incoming.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes >= afterBytes) resetSocket(incoming.socket);
  });
  incoming.on('end', () => resetSocket(incoming.socket));
}

async function forward(target: URL, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const response = await callTarget(target, incoming);
  outgoing.writeHead(response.statusCode ?? 502, response.rawHeaders);
  // Either end may go away: what is left unread would keep its connection, and the test's process, open.
  pipeline(response, outgoing, () => undefined);
}

async function forwardHalf(target: URL, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const response = await callTarget(target, incoming);
  const body = await buffer(response);
  outgoing.writeHead(response.statusCode ?? 502, response.rawHeaders);
  outgoing.write(body.subarray(0, body.length / 2));
}

/** Forwards the request unchanged, with the Host that was signed. */
function callTarget(target: URL, incoming: IncomingMessage): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { method, url, rawHeaders } = incoming;
    const headers = pairs(rawHeaders);
    const call = request(
      { host: target.hostname, port: target.port, method, path: url, headers, agent: false },
      resolve,
    );
    call.on('error', reject);
    incoming.on('close', () => {
      if (!incoming.complete) call.destroy();
    });
    incoming.pipe(call);
  });
}

function pairs(rawHeaders: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) headers[rawHeaders[i] as string] = rawHeaders[i + 1] as string;
  return headers;
}

async function drop(incoming: IncomingMessage): Promise<void> {
  for await (const _ of incoming);
}

function answer(outgoing: ServerResponse, status: number, xml: string): void {
  outgoing.writeHead(status, { 'Content-Type': 'application/xml', 'Content-Length': Buffer.byteLength(xml) }).end(xml);
}

function errorXml(code: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>A fault</Message></Error>`;
}

const completedXml = `<?xml version="1.0" encoding="UTF-8"?>
<CompleteMultipartUploadResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Location>x</Location><Bucket>x</Bucket>
<Key>x</Key><ETag>&quot;00000000000000000000000000000000-1&quot;</ETag></CompleteMultipartUploadResult>`;
