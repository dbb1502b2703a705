import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { drainLingerMs, drainPollMs, drainUploadsMs } from '../limits.ts';
import type { AppContext } from './app-context.ts';
import type { WebServer } from './server.ts';

/**
 * Stops the server. Clients notice nothing but a 503 or a closed idle connection:
 *
 *   1. New uploads are refused, all other requests are served, and every response closes its connection. New connections are still
 *      accepted, so that their requests get a response.
 *   2. Uploads in flight continue until they are done, or are cut off with 503 after `drainUploadsMs`.
 *   3. The port is closed right after a turn of the event loop in which every connection of the kernel's queue was accepted. Only a
 *      connection that the kernel makes between the two can be reset.
 *   4. Accepted connections that have not sent a request yet get a moment to do so, and their requests get a response.
 *
 * No response waits for the end of another request, so steady traffic cannot delay the first three steps.
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
