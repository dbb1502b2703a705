import uws, { type HttpResponse } from 'uWebSockets.js';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { crc32 } from '@node-rs/crc32';

/**
 * Does the minimum that any upload through Node.js has to do: reads the body, copies it once into a recycled buffer, searches
 * it for the boundary, computes its CRC32 and sends it in bare PUTs of 5 MiB over kept-alive connections. It has no parser,
 * no signature, no multipart upload, no token and no row. One part is filled while another is sent.
 */
const partBytes = 5 * 1024 * 1024;
const chunkMaxBytes = 512 * 1024;

const target = new URL(`${process.env['S3_ENDPOINT']}/bench/floor`);
const isPlain = target.protocol === 'http:';
const agent = isPlain ? new HttpAgent({ keepAlive: true }) : new HttpsAgent({ keepAlive: true });
const open = isPlain ? httpRequest : httpsRequest;
const idle: Buffer[] = [];

const app = uws.App();
app.get('/*', (res) => void res.end('ready'));
app.post('/*', (res, req) => {
  const boundary = Buffer.from(`\r\n--${req.getHeader('content-type').split('boundary=')[1]}`, 'latin1');
  receive(res, boundary).then(
    () => res.cork(() => void res.writeStatus('201 Created').end('{}')),
    () => res.close(),
  );
});
app.listen(Number(process.env['PORT']), (socket) => {
  if (!socket) throw new Error(`Expected port ${process.env['PORT']} to be free, got it taken`);
});
process.on('SIGTERM', () => process.exit(0));

function receive(res: HttpResponse, boundary: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    let buffer = takeBuffer();
    let filledBytes = 0;
    let sending: Promise<void> = Promise.resolve();
    let isWaiting = false;
    const sendPart = () => {
      const sent = buffer;
      const bytes = sent.subarray(0, filledBytes);
      buffer = takeBuffer();
      filledBytes = 0;
      sending = put(bytes).then(() => void idle.push(sent));
      sending.catch(reject);
    };
    const sendAndResume = () =>
      sending.then(() => {
        sendPart();
        isWaiting = false;
        res.resume();
      }, reject);
    res.onAborted(() => reject(new Error('The client disconnected')));
    res.onData((data, isLast) => {
      const chunk = Buffer.from(data);
      chunk.indexOf(boundary);
      chunk.copy(buffer, filledBytes);
      filledBytes += chunk.length;
      if (isLast) {
        sending.then(sendPart).then(() => sending.then(resolve), reject);
      } else if (filledBytes >= partBytes && !isWaiting) {
        isWaiting = true;
        res.pause();
        // uWebSockets.js still delivers, in this tick, the bytes that it has read from the socket.
        setImmediate(sendAndResume);
      }
    });
  });
}

function takeBuffer(): Buffer {
  return idle.pop() ?? Buffer.allocUnsafeSlow(partBytes + chunkMaxBytes);
}

function put(bytes: Buffer): Promise<void> {
  const headers = { 'Content-Length': bytes.length, 'x-amz-checksum-crc32': String(crc32(bytes)) };
  return new Promise((resolve, reject) => {
    const request = open(target, { method: 'PUT', agent, headers }, (response) => {
      response.resume().on('end', () => (response.statusCode === 200 ? resolve() : reject(new Error('refused'))));
    });
    request.on('error', reject);
    request.end(bytes);
  });
}
