import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { drainLingerMs, drainPollMs, drainUploadsMs } from '../limits.ts';
import type { AppContext } from './app-context.ts';
import type { WebServer } from './server.ts';

/**
 * Ends the service without anybody noticing but by a 503 or a closed idle connection:
 *
 *   1. New uploads are refused, anything else is served, and every answer closes its connection. New connections are still
 *      taken, so that who comes now is answered.
 *   2. Uploads under way go on until they are done, or are cut off with 503 after `drainUploadsMs`.
 *   3. The port is given up right behind a turn in which every connection the kernel had made was accepted: one that it makes
 *      in the moment between is the only one that can be reset.
 *   4. Connections that were accepted and have not asked anything yet get a moment to do so, and are answered.
 *
 * A request never waits for another one's end to be answered, so steady traffic cannot hold up the first three.
 */
export async function drainServer(server: WebServer, { lifecycle }: AppContext): Promise<void> {
  lifecycle.isDraining = true;
  const cutOff = setTimeout(() => lifecycle.cutOff.abort(), drainUploadsMs);
  while (lifecycle.uploads > 0) await sleep(drainPollMs);
  clearTimeout(cutOff);
  await nextTurn();
  server.stopListening();
  let quietSince = performance.now();
  while (server.connections() > 0 && performance.now() - quietSince < drainLingerMs) {
    await sleep(drainPollMs);
    if (server.inFlight() > 0) quietSince = performance.now();
  }
}
