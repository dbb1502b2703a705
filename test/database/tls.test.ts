import { chmodSync, chownSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startPostgres } from '../../scripts/dev/servers/postgres.ts';
import { removeClusterFolder } from '../../scripts/dev/servers/postgres-folder.ts';
import { makeCertificate } from '../../scripts/dev/testbed/certificate.ts';
import { freePort } from '../../scripts/lib/ports.ts';
import { waitFor } from '../../scripts/lib/wait.ts';
import { openDatabase, type Sql } from '../../src/database/open.ts';
import { startTcpProxy } from '../faults/support/tcp-proxy.ts';

t.setTimeout(180_000);

t.test('an address decides over TLS, and a silent connection is found behind it, too', async (t) => {
  const server = await startCluster(t);
  const plain = server.open('');
  t.equal(await isEncrypted(plain), false);
  await t.rejects(isEncrypted(server.open('?sslmode=require')), /Expected PostgreSQL to accept TLS/);
  t.equal(await isEncrypted(server.open('?sslmode=prefer')), false);

  await server.turnTlsOn(plain);
  t.equal(await isEncrypted(server.open('?sslmode=require')), true);
  t.equal(await isEncrypted(server.open('?sslmode=prefer')), true);
  t.equal(await isEncrypted(server.open('?sslmode=disable')), false);
  await t.rejects(isEncrypted(server.open('?sslmode=verify-full')), /self-signed certificate/);

  const proxy = await startTcpProxy(t, { port: server.port });
  const sql = server.open('?sslmode=require', proxy.port);
  t.equal(await isEncrypted(sql), true);
  proxy.silence();
  await t.rejects(isEncrypted(sql), { name: 'DatabaseTimeoutError', code: 'ETIMEDOUT' });
  t.equal(await isEncrypted(sql), true);
  proxy.setFault({ refuses: true });
  proxy.cutAll();
  await t.rejects(isEncrypted(sql));
  await t.rejects(isEncrypted(sql), 'each connection returns to the pool');
  proxy.setFault({});
  t.equal(await isEncrypted(sql), true);
});

async function isEncrypted(sql: Sql): Promise<boolean | undefined> {
  const [row] = await sql<{ ssl: boolean }[]>`select ssl from pg_stat_ssl where pid = pg_backend_pid()`;
  return row?.ssl;
}

async function startCluster(t: Test) {
  const folder = mkdtempSync(join(tmpdir(), 'tls-'));
  chmodSync(folder, 0o711);
  const cluster = join(folder, 'data');
  const port = await freePort();
  const server = await startPostgres({
    folder: cluster,
    port,
    password: 'secret',
    logPath: join(folder, 'log'),
    isDurable: false,
  });
  t.teardown(async () => {
    await server.stop();
    removeClusterFolder(cluster);
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    port,
    open(query: string, toPort = port): Sql {
      const url = new URL(server.url + query);
      url.port = String(toPort);
      const sql = openDatabase(url.href, { connections: 1, applicationName: 'tls', statementTimeoutMs: 3_000 });
      t.teardown(() => sql.end({ timeout: 1 }));
      return sql;
    },
    async turnTlsOn(sql: Sql): Promise<void> {
      const { keyPath, certificatePath } = makeCertificate(folder);
      const { uid, gid } = statSync(cluster);
      for (const path of [keyPath, certificatePath]) {
        chownSync(path, uid, gid);
        chmodSync(path, 0o600);
      }
      await sql.unsafe(`alter system set ssl_key_file = '${keyPath}'`);
      await sql.unsafe(`alter system set ssl_cert_file = '${certificatePath}'`);
      await sql.unsafe('alter system set ssl = on');
      await sql`select pg_reload_conf()`;
      await waitFor('TLS to be on', async () => (await sql`show ssl`)[0]?.['ssl'] === 'on');
    },
  };
}
