import uws, { type HttpRequest, type HttpResponse, type TemplatedApp } from 'uWebSockets.js';
import { randomBytes } from 'node:crypto';

/**
 * As much of an S3 server as an upload needs, and nothing behind it: bodies are read and dropped, every request is granted.
 * So little CPU of its own that on a small machine the candidates are what is measured. Not for what must be kept or
 * refused: that is for a real one. Plain on PORT, by TLS on TLS_PORT, and plain at SLOW_BYTES_PER_SECOND a connection on
 * SLOW_PORT.
 */
const { PORT, TLS_PORT, SLOW_PORT, TLS_KEY = '', TLS_CERT = '' } = process.env;
const slowBytesPerMs = Number(process.env['SLOW_BYTES_PER_SECOND']) / 1000;
const etag = '"d41d8cd98f00b204e9800998ecf8427e"';

/** What has been sent under each upload id, and then under each key: somebody may look whether all of it is there. */
const uploadBytes = new Map<string, number>();
const objectBytes = new Map<string, number>();
const rememberedMax = 10_000;

type Answer = (res: HttpResponse, bodyBytes: number) => void;

serve(uws.App(), PORT);
serve(uws.App(), SLOW_PORT, slowBytesPerMs);
serve(uws.SSLApp({ key_file_name: TLS_KEY, cert_file_name: TLS_CERT }), TLS_PORT);
process.on('SIGTERM', () => process.exit(0));

function serve(app: TemplatedApp, port: string | undefined, bytesPerMs = Number.POSITIVE_INFINITY): void {
  app.any('/*', (res, req) => {
    const answer = chooseAnswer(req);
    let bodyBytes = 0;
    let isOver = false;
    const waitFor = openPace(bytesPerMs);
    const later = (ms: number, go: () => void) => {
      if (ms > 0) setTimeout(() => isOver || go(), ms);
      else if (!isOver) go();
    };
    res.onAborted(() => {
      isOver = true;
    });
    res.onData((bytes, isLast) => {
      bodyBytes += bytes.byteLength;
      const waitMs = waitFor(bytes.byteLength);
      if (isLast) {
        later(waitMs, () => {
          isOver = true;
          res.cork(() => answer(res, bodyBytes));
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

/** How long to wait behind so many more bytes. */
function openPace(bytesPerMs: number): (bytes: number) => number {
  let readyAt = performance.now();
  return (bytes) => {
    if (bytesPerMs === Number.POSITIVE_INFINITY) return 0;
    readyAt = Math.max(readyAt, performance.now()) + bytes / bytesPerMs;
    return readyAt - performance.now();
  };
}

function chooseAnswer(req: HttpRequest): Answer {
  const key = req.getUrl();
  const query = new URLSearchParams(req.getQuery());
  const uploadId = query.get('uploadId');
  switch (req.getMethod()) {
    case 'post':
      return uploadId === null ? create() : complete(uploadId, key);
    case 'put':
      return take(uploadId ?? key, uploadId === null ? objectBytes : uploadBytes);
    case 'head':
      return tellLength(objectBytes.get(key) ?? 0);
    case 'delete':
      return (res) => void res.writeStatus('204 No Content').endWithoutBody();
    default:
      return (res) => sendXml(res, 'ListBucketResult', '');
  }
}

function create(): Answer {
  const uploadId = randomBytes(16).toString('hex');
  return (res) => sendXml(res, 'InitiateMultipartUploadResult', `<UploadId>${uploadId}</UploadId>`);
}

function take(name: string, bytes: Map<string, number>): Answer {
  return (res, bodyBytes) => {
    bytes.set(name, (bytes.get(name) ?? 0) + bodyBytes);
    res.writeHeader('ETag', etag).endWithoutBody(0);
  };
}

function complete(uploadId: string, key: string): Answer {
  const bytes = uploadBytes.get(uploadId) ?? 0;
  uploadBytes.delete(uploadId);
  if (objectBytes.size >= rememberedMax) objectBytes.clear();
  objectBytes.set(key, bytes);
  return (res) => sendXml(res, 'CompleteMultipartUploadResult', `<ETag>${etag}</ETag>`);
}

/** The length is a header of ours: told of it by argument, this server believes that a body is still to come. */
function tellLength(bytes: number): Answer {
  return (res) => void res.writeHeader('ETag', etag).writeHeader('Content-Length', String(bytes)).endWithoutBody();
}

function sendXml(res: HttpResponse, root: string, content: string): void {
  res.writeHeader('Content-Type', 'application/xml');
  res.end(`<?xml version="1.0" encoding="UTF-8"?><${root}>${content}</${root}>`);
}
