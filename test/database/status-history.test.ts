import t from 'tap';
import { createMigratedDatabase } from './own-database.ts';
import { makeUser, readHistory } from './some-rows.ts';

const statuses = ['uploaded', 'processed', 'public', 'failed'];
const allowed = new Set([
  'uploaded processed',
  'processed public',
  'public processed',
  'uploaded failed',
  'failed uploaded',
]);

t.test('a status takes the allowed steps, and the database itself refuses every other', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const userId = await makeUser(sql);
  for (const from of statuses) {
    for (const to of statuses.filter((status) => status !== from)) {
      const [row] = await sql<{ id: number }[]>`
        insert into videos (title, user_id, status) values ('a', ${userId}, ${from}) returning id`;
      const id = row?.id ?? 0;
      const change = sql`update videos set status = ${to} where id = ${id}`;
      if (allowed.has(`${from} ${to}`)) {
        await change;
        t.strictSame(await readHistory(sql, id), [from, `${from} ${to}`]);
      } else {
        await t.rejects(change, { code: '23514', constraint_name: 'videos_status_change' }, `${from} to ${to}`);
        t.strictSame(await readHistory(sql, id), [from]);
      }
    }
  }
});

t.test('a change of anything else, and the same status again, is no step', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  await sql`insert into videos (title, user_id, status) values ('a', ${await makeUser(sql)}, 'public')`;
  await sql`update videos set status = 'public', votes = 1`;
  t.strictSame(await readHistory(sql, 1), ['public']);
  await sql`delete from videos`;
  t.strictSame(await readHistory(sql, 1), []);
});
