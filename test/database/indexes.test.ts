import t from 'tap';
import type { Sql } from '../../src/database/open.ts';
import { createMigratedDatabase } from './own-database.ts';

interface PlanNode {
  'Node Type': string;
  'Index Name'?: string;
  'Heap Fetches'?: number;
  'Rows Removed by Filter'?: number;
  Plans?: PlanNode[];
}

/** The plan's nodes, as "what it does, over which index", from the top. */
async function explain(sql: Sql, query: string): Promise<{ nodes: string[]; heapFetches: number }> {
  const [row] = await sql.unsafe<{ 'QUERY PLAN': { Plan: PlanNode }[] }[]>(`explain (analyze, format json) ${query}`);
  const all: PlanNode[] = [];
  const visit = (node: PlanNode) => {
    all.push(node);
    for (const child of node.Plans ?? []) visit(child);
  };
  const top = row?.['QUERY PLAN'][0]?.Plan;
  if (top !== undefined) visit(top);
  return {
    nodes: all.map((node) => [node['Node Type'], node['Index Name']].filter(Boolean).join(' over ')),
    heapFetches: all.reduce((sum, node) => sum + (node['Heap Fetches'] ?? 0), 0),
  };
}

t.test('frequent queries use the index that was made for each', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  await sql`
    insert into users (first_name, last_name, email, password_hash, city, votes)
    select 'Ana' || n, 'Ruiz', n || '@example.com', 'x', 'Ciudad ' || n % 50, n % 977 from generate_series(1, 20000) as n`;
  await sql`
    insert into videos (title, user_id, status, task_id, original_url, uploaded_at)
    select 'v' || n, 1 + n % 20000, (case when n % 100 = 0 then 'uploaded' when n % 10 = 0 then 'processed' else 'public' end)::videostatus,
      gen_random_uuid()::text, 'uploads/' || n, now() - n * interval '1 second'
    from generate_series(1, 30000) as n`;
  await sql.unsafe('vacuum analyze users');
  await sql.unsafe('vacuum analyze videos');

  const page = 'select first_name, last_name, city, votes from users order by votes desc, id';
  for (const offset of [0, 9_000]) {
    t.strictSame(
      await explain(sql, `${page} offset ${offset} limit 20`),
      { nodes: ['Limit', 'Index Only Scan over users_ranking_idx'], heapFetches: 0 },
      `the ranking from ${offset}, from the index alone`,
    );
  }
  const ofCity = `select first_name, last_name, city, votes from users where city_folded = 'ciudad 7' order by votes desc, id limit 20`;
  t.strictSame(await explain(sql, ofCity), {
    nodes: ['Limit', 'Index Only Scan over users_city_ranking_idx'],
    heapFetches: 0,
  });
  const newest = 'order by uploaded_at desc, id desc limit 20';
  const expected: Record<string, string> = {
    [`select * from videos where user_id = 7 ${newest}`]: 'videos_user_id_idx',
    [`select * from videos where status = 'public' ${newest}`]: 'videos_public_idx',
    [`select * from videos where status = 'uploaded' order by uploaded_at, id limit 20`]: 'videos_waiting_idx',
    [`select * from videos where task_id = 'x'`]: 'videos_task_id_idx',
    [`select * from videos where original_url = any(array['uploads/5', 'uploads/6'])`]: 'videos_original_url_idx',
  };
  for (const [query, index] of Object.entries(expected)) {
    t.ok((await explain(sql, query)).nodes.at(-1)?.endsWith(` over ${index}`), query);
  }
});

t.test('cities are case-folded in all of Unicode; accents count', async (t) => {
  const { sql } = await createMigratedDatabase(t);
  const caseFold = async (city: string) => {
    const [row] = await sql<{ city: string; city_folded: string; needle: string }[]>`
      insert into users (first_name, last_name, email, password_hash, city)
      values ('a', 'a', ${city}, 'x', ${city})
      returning city, city_folded, lower(upper(${city}::text collate pg_c_utf8)) as needle`;
    t.equal(row?.city, city, 'as it was given');
    t.equal(row?.needle, row?.city_folded);
    return row?.city_folded;
  };
  t.equal(await caseFold('ÑANDÚ'), await caseFold('ñandú'));
  t.equal(await caseFold('ΣΊΣΥΦΟΣ'), await caseFold('σίσυφος'));
  t.equal(await caseFold('КИЇВ'), await caseFold('київ'));
  t.not(await caseFold('Bogotá'), await caseFold('Bogota'));
});
