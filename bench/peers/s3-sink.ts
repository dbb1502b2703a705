import uws, { type HttpRequest, type HttpResponse, type TemplatedApp } from 'uWebSockets.js';
import { randomBytes } from 'node:crypto';

/**
 * Implements the S3 requests of an upload without storage: reads and drops bodies and grants every request. It uses so little
 * CPU that a bench on a small machine measures the candidates. Tests of storage and refusals need a real S3 server.
 * Listens on PORT, with TLS on TLS_PORT, and on SLOW_PORT with SLOW_BYTES_PER_SECOND per connection.
 */
const { PORT, TLS_PORT, SLOW_PORT, TLS_KEY = '', TLS_CERT = '' } = process.env;
const slowBytesPerMs = Number(process.env['SLOW_BYTES_PER_SECOND']) / 1000;
const etag = '"d41d8cd98f00b204e9800998ecf8427e"';

/** Bytes received by upload id and by key, so that HeadObject returns the right length. */
const uploadBytes = new Map<string, number>();
const objectBytes = new Map<string, number>();
const rememberedMax = 10_000;

type Respond = (res: HttpResponse, bodyBytes: number) => void;

serve(uws.App(), PORT);
serve(uws.App(), SLOW_PORT, slowBytesPerMs);
serve(uws.SSLApp({ key_file_name: TLS_KEY, cert_file_name: TLS_CERT }), TLS_PORT);
process.on('SIGTERM', () => process.exit(0));

function serve(app: TemplatedApp, port: string | undefined, bytesPerMs = Number.POSITIVE_INFINITY): void {
  app.any('/*', (res, req) => {
    const respond = chooseResponse(req);
    let bodyBytes = 0;
    let isOver = false;
    const waitMsFor = openPace(bytesPerMs);
    const later = (ms: number, go: () => void) => {
      if (ms > 0) setTimeout(() => isOver || go(), ms);
      else if (!isOver) go();
    };
    res.onAborted(() => {
      isOver = true;
    });
    res.onData((bytes, isLast) => {
      bodyBytes += bytes.byteLength;
      const waitMs = waitMsFor(bytes.byteLength);
      if (isLast) {
        later(waitMs, () => {
          isOver = true;
          res.cork(() => respond(res, bodyBytes));
        });
      } else if (waitMs > 0) {
        res.pause();
        later(waitMs, () => res.resume());
      }
    });
  });
  app.listen(Number(port), (socket) => {
    if (!socket) throw new Error(`Expected port ${port} to be free, got it taken`);
  });
}

/** Returns how long to wait after each chunk to stay at the rate. */
function openPace(bytesPerMs: number): (bytes: number) => number {
  let readyAt = performance.now();
  return (bytes) => {
    if (bytesPerMs === Number.POSITIVE_INFINITY) return 0;
    readyAt = Math.max(readyAt, performance.now()) + bytes / bytesPerMs;
    return readyAt - performance.now();
  };
}

function chooseResponse(req: HttpRequest): Respond {
  const key = req.getUrl();
  const query = new URLSearchParams(req.getQuery());
  const uploadId = query.get('uploadId');
  switch (req.getMethod()) {
    case 'post':
      return uploadId === null ? create() : complete(uploadId, key);
    case 'put':
      return receive(uploadId ?? key, uploadId === null ? objectBytes : uploadBytes);
    case 'head':
      return respondLength(objectBytes.get(key) ?? 0);
    case 'delete':
      return (res) => void res.writeStatus('204 No Content').endWithoutBody();
    default:
      return (res) => sendXml(res, 'ListBucketResult', '');
  }
}

function create(): Respond {
  const uploadId = randomBytes(16).toString('hex');
  return (res) => sendXml(res, 'InitiateMultipartUploadResult', `<UploadId>${uploadId}</UploadId>`);
}

function receive(name: string, bytes: Map<string, number>): Respond {
  return (res, bodyBytes) => {
    bytes.set(name, (bytes.get(name) ?? 0) + bodyBytes);
    res.writeHeader('ETag', etag).endWithoutBody(0);
  };
}

function complete(uploadId: string, key: string): Respond {
  const bytes = uploadBytes.get(uploadId) ?? 0;
  uploadBytes.delete(uploadId);
  if (objectBytes.size >= rememberedMax) objectBytes.clear();
  objectBytes.set(key, bytes);
  return (res) => sendXml(res, 'CompleteMultipartUploadResult', `<ETag>${etag}</ETag>`);
}

/** Sets Content-Length itself: with the length as an argument, uWebSockets.js would expect a body to follow. */
function respondLength(bytes: number): Respond {
  return (res) => void res.writeHeader('ETag', etag).writeHeader('Content-Length', String(bytes)).endWithoutBody();
}

function sendXml(res: HttpResponse, root: string, content: string): void {
  res.writeHeader('Content-Type', 'application/xml');
  res.end(`<?xml version="1.0" encoding="UTF-8"?><${root}>${content}</${root}>`);
}
