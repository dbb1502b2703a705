import { ignoreTypeQueryRejections } from '../../src/database/ignore-type-query-rejections.ts';
import { openDatabase } from '../../src/database/open.ts';
import { openLog } from '../../src/log.ts';
import { startTcpProxy } from '../faults/support/tcp-proxy.ts';
import type { TestScope } from '../support/environment.ts';

/**
 * A process of its own, which may die: opens connections to the database of its argument, each cut a little later than the one
 * before it, and writes how many queries were answered, and how many rejected.
 */
const url = new URL(process.argv[2] ?? '');
const undos: (() => Promise<void> | void)[] = [];
const scope: TestScope = { teardown: (undo) => void undos.push(undo) };
const proxy = await startTcpProxy(scope, { port: Number(url.port) });
url.port = String(proxy.port);
const log = openLog('silent');
let lost = 0;
log.warn = () => {
  lost += 1;
};
ignoreTypeQueryRejections(log);
const counts = { answered: 0, refused: 0 };
for (let cutAfterBytesSent = 1; cutAfterBytesSent < 1_200; cutAfterBytesSent += 37) {
  proxy.setFault({ cutAfterBytesSent, how: 'rst' });
  const sql = openDatabase(url.href, { connections: 1, applicationName: 'test' });
  await sql`select ${1}::bigint as number`.then(
    () => {
      counts.answered += 1;
    },
    () => {
      counts.refused += 1;
    },
  );
  await sql.end({ timeout: 1 });
}
for (const undo of undos) await undo();
process.stdout.write(JSON.stringify({ ...counts, lost }));
