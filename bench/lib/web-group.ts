import { freePort } from '../../scripts/lib/ports.ts';
import { waitFor } from '../../scripts/lib/wait.ts';
import type { Settings, UploadServer } from './upload-servers.ts';

/** Processes that share a port, and the metrics port of each. */
export interface WebGroup {
  readonly port: number;
  readonly pids: readonly number[];
  readonly metricsPorts: readonly number[];
}

/** Starts the web processes of an instance. Each gets their number, which divides the instance's buffers among them. */
export async function startWebGroup(
  count: number,
  start: (settings: Settings) => Promise<UploadServer>,
  settings: Settings,
): Promise<WebGroup> {
  const port = await freePort();
  const pids: number[] = [];
  const metricsPorts: number[] = [];
  for (let i = 0; i < count; i += 1) {
    const metricsPort = await freePort();
    const own = { PORT: String(port), METRICS_PORT: String(metricsPort), WEB_PROCESSES: String(count) };
    const { pid } = await start({ ...settings, ...own });
    // The shared port responds as soon as one process listens, so each process is awaited on its metrics port.
    await waitFor(
      'a response from a web process',
      async () => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).ok,
    );
    pids.push(pid);
    metricsPorts.push(metricsPort);
  }
  return { port, pids, metricsPorts };
}
