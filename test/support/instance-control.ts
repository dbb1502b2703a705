import type { Environment, TestScope } from './environment.ts';
import { request } from './http.ts';
import type { RunningService, ServiceOptions } from './service.ts';

/** What an instance should serve, in the format of test/aws/support/serve-tests.ts. */
export interface InstanceOrder {
  values: Record<string, string>;
  webProcesses: number;
  worker: boolean;
}

/** Set where a running instance is to be tested instead of processes of this machine: the address that takes orders for it. */
export const instanceControlUrl = process.env['INSTANCE_CONTROL_URL'];

/** Makes the instance serve this environment until the test ends. */
export async function serveOnInstance(
  t: TestScope,
  environment: Environment,
  controlUrl: string,
  { webProcesses = 1, worker = false }: ServiceOptions,
): Promise<RunningService> {
  const send = async (path: string, order?: InstanceOrder) => {
    const answer = await request(`${controlUrl}${path}`, { method: 'POST', json: order ?? {}, timeoutMs: 120_000 });
    if (answer.status !== 200) throw new Error(`Expected the instance to ${path.slice(1)}, got ${answer.text}`);
    return answer;
  };
  const stop = async () => void (await send('/stop'));
  t.teardown(stop);
  environment.hadWorker ||= worker;
  const served = (await send('/serve', { values: environment.values, webProcesses, worker })).json<
    Pick<RunningService, 'baseUrl' | 'port' | 'metricsUrls'>
  >();
  return {
    ...served,
    web: [],
    worker: [],
    readLog: () => {
      throw new Error('Expected a test that reads no log of an instance');
    },
    stop,
  };
}
