import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestScope } from '../../support/environment.ts';

export interface AwsFront {
  endpoint: string;
  /** Calls to these two services, which this proxy answers: `autoscaling` and the form, `route53` and the path with the body. */
  calls: string[];
}

/** A proxy before the emulator: records calls to Auto Scaling and Route 53, and forwards the rest. */
export async function startAwsFront(t: TestScope, emulator: string): Promise<AwsFront> {
  const calls: string[] = [];
  const server = createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const service = /Credential=[^/]+\/\d+\/[\w-]+\/(\w+)\//.exec(incoming.headers.authorization ?? '')?.[1];
    if (service === 'autoscaling' || service === 'route53') {
      calls.push(`${service} ${incoming.url} ${decodeURIComponent(body.toString())}`);
      outgoing.end('<Answer/>');
      return;
    }
    const target = new URL(incoming.url ?? '/', emulator);
    const call = request(target, { method: incoming.method ?? 'GET', headers: incoming.headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    call.on('error', () => outgoing.destroy());
    call.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => void server.close().closeAllConnections());
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, calls };
}
