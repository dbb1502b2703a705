import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestScope } from '../../support/environment.ts';

export interface OwnerProxy {
  endpoint: string;
  /** Method and query names of every call; calls without an owner got 403. */
  calls: { call: string; hasOwner: boolean }[];
}

/** An S3 proxy that accepts a call only if it names the expected bucket owner, in a header or in a signed link. */
export async function startOwnerProxy(t: TestScope, target: string, accountId: string): Promise<OwnerProxy> {
  const calls: OwnerProxy['calls'] = [];
  const server = createServer((incoming, outgoing) => {
    const url = new URL(incoming.url ?? '/', target);
    const name = 'x-amz-expected-bucket-owner';
    const hasOwner = (incoming.headers[name] ?? url.searchParams.get(name)) === accountId;
    const query = [...url.searchParams.keys()].filter((key) => !/^x-amz-|^x-id$/i.test(key));
    calls.push({ call: [incoming.method, ...query].join(' '), hasOwner });
    if (!hasOwner) {
      incoming.resume();
      outgoing.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>');
      return;
    }
    // Forwarded with the signed Host header.
    const { method, headers } = incoming;
    const call = request(
      { host: url.hostname, port: url.port, method: method ?? 'GET', path: incoming.url ?? '/', headers, agent: false },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    call.on('error', () => outgoing.destroy());
    incoming.pipe(call);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => void server.close().closeAllConnections());
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, calls };
}
