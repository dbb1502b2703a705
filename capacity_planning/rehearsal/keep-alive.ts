import { setMaxListeners } from 'node:events';
import { Agent, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KeepAlive } from './rehearsal-schema.ts';

/** Pauses of one client in seconds, around every idle timeout between client and service. */
const gaps = [5, 5.5, 5.9, 6.1, 6.5, 7, 8, 9, 10, 11, 12, 13, 15];

/** Runs one client per pause over a kept-alive connection, until `signal` aborts. */
export async function requestWithPauses(url: string, signal: AbortSignal): Promise<KeepAlive> {
  const result: KeepAlive = { requests: 0, badGateways: 0, otherFailures: 0, gapsSeconds: gaps };
  setMaxListeners(0, signal);
  await Promise.all(gaps.map((gap) => requestRepeatedly(url, gap, signal, result)));
  return result;
}

async function requestRepeatedly(
  url: string,
  gapSeconds: number,
  signal: AbortSignal,
  result: KeepAlive,
): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  while (!signal.aborted) {
    const status = await request(`${url}/api/public/rankings?page=1&limit=20`, agent);
    result.requests += 1;
    if (status === 502) result.badGateways += 1;
    else if (status !== 200) result.otherFailures += 1;
    await sleep(gapSeconds * 1000, undefined, { signal }).catch(() => undefined);
  }
  agent.destroy();
}

/**
 * Returns the status, or 0 without a response. If the balancer closed a reused connection while the request was sent, the
 * request is retried once on a new connection, as HTTP clients do.
 */
async function request(url: string, agent: Agent, isRetry = false): Promise<number> {
  return new Promise((resolve) => {
    const sent = get(url, { agent }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0));
      response.once('error', () => resolve(0));
    });
    sent.once('error', () => resolve(sent.reusedSocket && !isRetry ? request(url, agent, true) : 0));
  });
}
