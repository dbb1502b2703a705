import type { Sql } from '../../src/database/open.ts';

/** Describes a schema by the names of its parts, not by the order of their creation. */
export async function describeSchema(sql: Sql): Promise<Record<string, string[]>> {
  const rows = await sql<{ kind: string; line: string }[]>`
    select 'column' as kind, concat_ws(' ', attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull, attgenerated,
      attidentity, attcollation::regcollation, pg_get_expr(adbin, adrelid), attstorage) as line
    from pg_attribute join pg_class on pg_class.oid = attrelid left join pg_attrdef on adrelid = attrelid and adnum = attnum
    where relkind = 'r' and relnamespace = current_schema()::regnamespace and attnum > 0 and not attisdropped
    union all
    select 'constraint', concat_ws(' ', conrelid::regclass, conname, convalidated, pg_get_constraintdef(oid))
    from pg_constraint where connamespace = current_schema()::regnamespace
    union all
    select 'index', concat_ws(' ', pg_get_indexdef(indexrelid), indisvalid)
    from pg_index join pg_class on pg_class.oid = indexrelid where relnamespace = current_schema()::regnamespace
    union all
    select 'relation', concat_ws(' ', relname, relkind, relpersistence, reloptions::text)
    from pg_class where relnamespace = current_schema()::regnamespace
    union all
    select 'sequence', concat_ws(' ', s.seqrelid::regclass, s.seqtypid::regtype, s.seqincrement, s.seqmax,
      d.refobjid::regclass, d.refobjsubid, d.deptype)
    from pg_sequence s left join pg_depend d on d.objid = s.seqrelid and d.deptype in ('a', 'i')
    union all
    select 'trigger', pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
    union all
    select 'function', pg_get_functiondef(oid) from pg_proc where pronamespace = current_schema()::regnamespace
    union all
    select 'status', enumlabel from pg_enum
    order by kind, line`;
  const schema: Record<string, string[]> = {};
  for (const { kind, line } of rows) {
    const lines = schema[kind] ?? [];
    schema[kind] = [...lines, line];
  }
  return schema;
}
