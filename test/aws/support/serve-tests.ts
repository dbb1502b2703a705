import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { waitFor } from '../../../scripts/lib/wait.ts';
import type { TestScope } from '../../support/environment.ts';
import { request } from '../../support/http.ts';
import type { InstanceOrder } from '../../support/instance-control.ts';
import { fillAws } from './fill-aws.ts';
import type { Instances, Machine } from './instance.ts';

const baseUrl = 'http://127.0.0.1:8000';

/**
 * Serves test/support/instance-control.ts: each test file has its own database, bucket and key, which the units of the instances read
 * from the emulated Secrets Manager and Parameter Store when they start. Returns its address.
 */
export async function serveTests(
  t: TestScope,
  { front }: Instances,
  machines: { web: Machine; worker: Machine },
): Promise<string> {
  const control = async (machine: Machine, host: string, verb: string, ...units: string[]) => {
    const { code, output } = await machine.run(host, 'systemctl', verb, ...units);
    if (code !== 0) throw new Error(`Expected systemctl ${verb} ${units.join(' ')} to succeed, got ${code}: ${output}`);
  };

  async function stop(): Promise<void> {
    await control(machines.web, 'web', 'stop', 'anb-web@*');
    await control(machines.worker, 'anb-worker', 'stop', 'anb-worker.service');
  }

  async function serve({ values, webProcesses, worker }: InstanceOrder): Promise<object> {
    await stop();
    const redisUrl = values['REDIS_URL'] ?? '';
    await fillAws(front.endpoint, values, { '/app/redis-hostname': 'anb-worker', '/app/redis-local': redisUrl });
    const numbers = Array.from({ length: webProcesses }, (_, i) => i + 1);
    await control(machines.web, 'web', 'start', ...numbers.map((number) => `anb-web@${number}.service`));
    if (worker) await control(machines.worker, 'anb-worker', 'start', 'anb-worker.service');
    const metricsUrls = {
      web: numbers.map((number) => `http://127.0.0.1:910${number}/metrics`),
      worker: worker ? ['http://127.0.0.1:9200/metrics'] : [],
    };
    for (const url of [...metricsUrls.web, `${baseUrl}/readyz`, ...metricsUrls.worker]) {
      await waitFor(`an answer from ${url}`, async () => (await request(url)).status === 200, { timeoutMs: 60_000 });
    }
    return { baseUrl, port: 8000, metricsUrls };
  }

  const server = createServer(async (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    try {
      const isOrder = incoming.url === '/serve';
      const answer = isOrder ? await serve(JSON.parse(Buffer.concat(chunks).toString())) : await stop();
      outgoing.end(JSON.stringify(answer ?? {}));
    } catch (error) {
      outgoing.writeHead(500).end(String(error));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => void server.close().closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
