import uws, { type HttpResponse } from 'uWebSockets.js';
import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { crc32 as crc32ByZlib } from 'node:zlib';
import { crc32 as crc32BySimd } from '@node-rs/crc32';

/**
 * The least that any upload through Node can do here: drain the body, copy it once into a recycled buffer, look for the
 * boundary in it, compute its CRC32 and send it in bare PUTs of 5 MiB over kept-alive connections. No parser, no
 * signature, no multipart upload around the parts, no token, no row. One part is filled while one is on its way.
 * CRC32=simd takes the checksum's faster library instead of zlib.
 */
const partBytes = 5 * 1024 * 1024;
const chunkMaxBytes = 512 * 1024;

const crc32 = process.env['CRC32'] === 'simd' ? crc32BySimd : crc32ByZlib;
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
    let buffer = take();
    let filledBytes = 0;
    let onItsWay: Promise<void> = Promise.resolve();
    let isWaiting = false;
    const sendPart = () => {
      const sent = buffer;
      const bytes = sent.subarray(0, filledBytes);
      buffer = take();
      filledBytes = 0;
      onItsWay = put(bytes).then(() => void idle.push(sent));
      onItsWay.catch(reject);
    };
    const sendAndGoOn = () =>
      onItsWay.then(() => {
        sendPart();
        isWaiting = false;
        res.resume();
      }, reject);
    res.onAborted(() => reject(new Error('The client went away')));
    res.onData((data, isLast) => {
      const chunk = Buffer.from(data);
      chunk.indexOf(boundary);
      chunk.copy(buffer, filledBytes);
      filledBytes += chunk.length;
      if (isLast) {
        onItsWay.then(sendPart).then(() => onItsWay.then(resolve), reject);
      } else if (filledBytes >= partBytes && !isWaiting) {
        isWaiting = true;
        res.pause();
        // What else was read from the socket is still handed over in this turn.
        setImmediate(sendAndGoOn);
      }
    });
  });
}

function take(): Buffer {
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
