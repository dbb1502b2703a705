import { freePort } from '../../scripts/lib/ports.ts';
import { waitFor } from '../../scripts/lib/wait.ts';
import type { Settings, UploadServer } from './upload-servers.ts';

/** Processes that share a port, and where each counts what it served. */
export interface WebGroup {
  readonly port: number;
  readonly pids: readonly number[];
  readonly metricsPorts: readonly number[];
}

/** The web processes of an instance: each is told how many they are, and takes its share of what they may hold. */
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
    // The port answers as soon as one of them does: the others say so on a port of their own.
    await waitFor('a web process to be there', async () => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).ok);
    pids.push(pid);
    metricsPorts.push(metricsPort);
  }
  return { port, pids, metricsPorts };
}
