import uws from 'uWebSockets.js';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { openWebLog } from '../../src/log.ts';

/**
 * Sends a fixed response: the body and headers that RESPONSE_FILE holds, captured from the service, and writes the same log
 * line. The difference to the service's cost is the service's own work.
 */
const { body, headers } = JSON.parse(readFileSync(process.env['RESPONSE_FILE'] ?? '', 'utf8')) as {
  body: string;
  headers: [string, string][];
};
const bytes = Buffer.from(body);
const { logRequest } = openWebLog('info', { process: 'web' });
(uws as unknown as { _cfg: (option: 'silent') => void })._cfg('silent');

uws
  .App()
  .get('/*', (res) => {
    const startedAt = performance.now();
    const requestId = randomUUID();
    res.cork(() => {
      res.writeStatus('200 OK');
      res.writeHeader('X-Request-Id', requestId);
      for (const [name, value] of headers) res.writeHeader(name, value);
      res.end(bytes);
    });
    const seconds = (performance.now() - startedAt) / 1000;
    logRequest({ requestId, method: 'GET', route: '/*', status: 200, seconds, bytesIn: 0, bytesOut: bytes.length });
  })
  .listen(Number(process.env['PORT']), () => undefined);
