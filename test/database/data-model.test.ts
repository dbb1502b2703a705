import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { rootFolder } from '../../scripts/lib/paths.ts';
import type { Sql } from '../../src/database/open.ts';
import { createEnvironment } from '../support/environment.ts';

const document = join(rootFolder, 'scripts/aws/README.md');
const diagram = /(?<=```mermaid\nerDiagram\n)[\s\S]*?(?=```)/;

/** With TAP_SNAPSHOT=1, tap's own variable, the document is rewritten instead of compared. */
t.test('the documented data model is the one that the migrations make', async (t) => {
  const { sql } = await createEnvironment(t);
  const text = readFileSync(document, 'utf8');
  const drawn = await drawModel(sql);
  if (process.env['TAP_SNAPSHOT'] === '1')
    writeFileSync(
      document,
      text.replace(diagram, () => drawn),
    );
  else t.equal(diagram.exec(text)?.[0], drawn, 'or run TAP_SNAPSHOT=1 npm test -- test/database/data-model.test.ts');
});

/** Writes the model in Mermaid: relations first, then each table with its columns in order. */
async function drawModel(sql: Sql): Promise<string> {
  const relations = await sql<{ line: string }[]>`
    select format('  %s ||--o{ %s : %s', confrelid::regclass, conrelid::regclass, attname) as line
    from pg_constraint join pg_attribute on attrelid = conrelid and attnum = conkey[1]
    where contype = 'f' and connamespace = current_schema()::regnamespace
    order by conrelid::regclass::text, attname`;
  const tables = await sql<{ lines: string }[]>`
    select format(E'  %s {\n%s\n  }', c.oid::regclass, string_agg(concat_ws(' ', '   ',
      replace(format_type(atttypid, atttypmod), 'timestamp with time zone', 'timestamptz'), attname,
      (select string_agg(distinct upper(contype::text) || 'K', ',') from pg_constraint
        where conrelid = c.oid and attnum = any(conkey) and contype in ('p', 'f', 'u'))), E'\n' order by attnum)) as lines
    from pg_class c join pg_attribute on attrelid = c.oid
    where relkind = 'r' and relnamespace = current_schema()::regnamespace and attnum > 0 and not attisdropped
    group by c.oid order by c.oid::regclass::text`;
  return [...relations.map(({ line }) => line), ...tables.map(({ lines }) => lines), ''].join('\n');
}
