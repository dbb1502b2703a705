import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import type { Sql } from '../../src/database/open.ts';

/** Connects as often as asked, sends the request over all of them in one moment and waits for the first bytes of every answer. */
export async function burst(port: number, count: number, request: string): Promise<void> {
  const sockets = await Promise.all(Array.from({ length: count }, () => openSocket(port)));
  await Promise.all(sockets.map((socket) => ask(socket, request)));
  for (const socket of sockets) socket.destroy();
}

/** How many statements that name `table` PostgreSQL has begun meanwhile, by its own log. `sql` is a superuser's. */
export async function countQueries(
  sql: Sql,
  logPath: string,
  table: string,
  work: () => Promise<unknown>,
): Promise<number> {
  await setLogging(sql, 'all');
  const before = readFileSync(logPath, 'utf8').length;
  await work();
  await setLogging(sql, 'none');
  const statements = readFileSync(logPath, 'utf8')
    .slice(before)
    .split(/^(?=\d{4}-\d\d-\d\d )/m);
  const named = new RegExp(`\\b(?:from|join) ${table}\\b`);
  return statements.filter((each) => /LOG: {2}(?:execute|statement)/.test(each) && named.test(each)).length;
}

/** Of the whole server, and known to every connection before this resolves: each looks before its next statement. */
async function setLogging(sql: Sql, what: 'all' | 'none'): Promise<void> {
  await sql.unsafe(`alter system set log_statement = '${what}'`);
  await sql`select pg_reload_conf()`;
  for (;;) {
    const [row] = await sql<{ log_statement: string }[]>`show log_statement`;
    if (row?.log_statement === what) return;
  }
}

function openSocket(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.once('error', reject);
  });
}

function ask(socket: Socket, request: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('data', (bytes: Buffer) => {
      const status = bytes.toString('latin1', 9, 12);
      if (status === '200') resolve();
      else reject(new Error(`Expected 200, got ${status}`));
    });
    socket.once('error', reject);
    socket.write(request);
  });
}
