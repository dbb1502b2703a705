import t from 'tap';
import { claimAgedIntents, forgetIntents, recordIntents } from '../../src/database/object-intents.ts';
import { createMigratedDatabase } from './own-database.ts';
import { readIntents } from './some-rows.ts';

t.test('only intents older than the grace period are claimed, oldest first, each once', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  await recordIntents(sql, ['a', 'b', 'c', 'd']);
  await sql`update object_intents set created_at = now() - interval '2 hours' where key = 'b'`;
  await sql`update object_intents set created_at = now() - interval '1 hour' where key in ('a', 'c')`;
  t.strictSame(await claimAgedIntents(sql, { graceSeconds: 1800, limit: 1 }), ['b']);
  const claims = await Promise.all([1, 2, 3].map(() => claimAgedIntents(sql, { graceSeconds: 1800, limit: 10 })));
  t.strictSame(claims.flat().sort(), ['a', 'c']);
  t.strictSame(await readIntents(sql), ['d']);
  await forgetIntents(sql, ['d', 'none']);
  t.strictSame(await readIntents(sql), []);
});

t.test('a key is intended once', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  await recordIntents(sql, ['a']);
  await t.rejects(recordIntents(sql, ['a']), { code: '23505' });
});

t.test('an intent that a transaction is taking away is left to it', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  await recordIntents(sql, ['a']);
  await sql.begin(async (tx) => {
    await forgetIntents(tx, ['a']);
    t.strictSame(await claimAgedIntents(sql, { graceSeconds: 0, limit: 10 }), []);
  });
  t.strictSame(await readIntents(sql), []);
});
