import { connect } from 'node:net';
import { contentTypeOf } from './multipart-bodies.ts';
import type { UploadBody } from './upload-load.ts';

interface SlowLoad {
  port: number;
  token: string;
  body: UploadBody;
  clients: number;
  bytesPerSecond: number;
}

const stepMs = 250;
/** A client that was answered begins again after this, so that as many as wanted are in progress. */
const againMs = 1_000;

/** Uploads that are in progress until `stop`, each at the same low rate. `stop` returns how many there are, and how others ended: 0 is a connection that was lost. */
export function startSlowUploads({ port, token, body, clients, bytesPerSecond }: SlowLoad) {
  const statuses: Record<number, number> = {};
  const open = new Set<ReturnType<typeof startOne>>();
  let isStopped = false;

  function startOne() {
    let sent = 0;
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(describeUpload(token, body)));
    const step = setInterval(() => {
      const next = sent + Math.ceil((bytesPerSecond * stepMs) / 1000);
      if (answer === '') socket.write(body.bytes.subarray(sent, next));
      sent = next;
    }, stepMs);
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      answer += text;
      if (answer.includes('\r\n\r\n')) socket.destroy();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearInterval(step);
      open.delete(client);
      if (isStopped) return;
      const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1] ?? 0);
      statuses[status] = (statuses[status] ?? 0) + 1;
      setTimeout(() => void (isStopped || startOne()), againMs);
    });
    const client = { socket };
    open.add(client);
    return client;
  }

  for (let i = 0; i < clients; i += 1) setTimeout(() => void (isStopped || startOne()), (i / clients) * againMs);
  return {
    stop() {
      isStopped = true;
      const inProgress = open.size;
      for (const { socket } of open) socket.destroy();
      return { inProgress, statuses };
    },
  };
}

function describeUpload(token: string, { boundary, bytes }: UploadBody): string {
  const lines = [
    'POST /api/videos/upload HTTP/1.1',
    'Host: 127.0.0.1',
    `Authorization: Bearer ${token}`,
    `Content-Type: ${contentTypeOf(boundary)}`,
    `Content-Length: ${bytes.length}`,
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}
