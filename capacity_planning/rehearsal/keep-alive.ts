import { setMaxListeners } from 'node:events';
import { Agent, get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KeepAlive } from './rehearsal-schema.ts';

/** Seconds between two requests of one client: around every idle time-out on the way. */
const gaps = [5, 5.5, 5.9, 6.1, 6.5, 7, 8, 9, 10, 11, 12, 13, 15];

/** One client per gap asks over a connection that it keeps, until `signal` says enough. */
export async function askWithPauses(url: string, signal: AbortSignal): Promise<KeepAlive> {
  const result: KeepAlive = { requests: 0, badGateways: 0, otherFailures: 0, gapsSeconds: gaps };
  setMaxListeners(0, signal);
  await Promise.all(gaps.map((gap) => askOn(url, gap, signal, result)));
  return result;
}

async function askOn(url: string, gapSeconds: number, signal: AbortSignal, result: KeepAlive): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  while (!signal.aborted) {
    const status = await ask(`${url}/api/public/rankings?page=1&limit=20`, agent);
    result.requests += 1;
    if (status === 502) result.badGateways += 1;
    else if (status !== 200) result.otherFailures += 1;
    await sleep(gapSeconds * 1000, undefined, { signal }).catch(() => undefined);
  }
  agent.destroy();
}

/**
 * 0 where there was no answer at all. A kept connection that the balancer closed as the request was on its way is asked
 * about once more on a new one, as every HTTP client does it.
 */
async function ask(url: string, agent: Agent, isSecond = false): Promise<number> {
  return new Promise((resolve) => {
    const request = get(url, { agent }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0));
      response.once('error', () => resolve(0));
    });
    request.once('error', () => resolve(request.reusedSocket && !isSecond ? ask(url, agent, true) : 0));
  });
}
