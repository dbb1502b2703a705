import type { AnySql } from './open.ts';

export interface TableChange {
  table: string;
  rows: number;
  bytes: number;
  /** Whether a migration rewrites the table, which locks it exclusively meanwhile. */
  rewritten: boolean;
}

export interface ColumnChange {
  table: string;
  column: string;
  from: string;
  to: string;
}

/** Resolves to the existing tables with their numbers of rows, which a migration must not change. */
export async function describeTables(sql: AnySql, rewritten: Set<string>): Promise<TableChange[]> {
  const names = await sql<{ name: string }[]>`
    select name from unnest(array['users', 'videos', 'votes']) as name where to_regclass(name) is not null`;
  const tables: TableChange[] = [];
  for (const { name } of names) {
    const [size] = await sql<{ rows: number; bytes: number }[]>`
      select count(*) as rows, pg_total_relation_size(${name}::regclass) as bytes from ${sql(name)}`;
    tables.push({
      table: name,
      rows: size?.rows ?? 0,
      bytes: size?.bytes ?? 0,
      rewritten: rewritten.has(name),
    });
  }
  return tables;
}

/** Resolves to the columns of an older system's tables whose type changes, with the time zone in which times will be read. */
export async function describeColumns(sql: AnySql, legacyTimeZone: string): Promise<ColumnChange[]> {
  return sql<ColumnChange[]>`
    select table_name as "table", column_name as "column", data_type as "from",
      case
        when data_type in ('smallint', 'integer') then 'bigint'
        when data_type like 'character%' then 'text'
        when table_name = 'videos' and column_name = 'processed_at' then 'timestamp with time zone, read as UTC'
        else 'timestamp with time zone, read as ' || ${legacyTimeZone}::text
      end as "to"
    from information_schema.columns
    where table_schema = current_schema() and table_name in ('users', 'videos', 'votes')
      and (data_type in ('smallint', 'integer', 'timestamp without time zone') or data_type like 'character%')
    order by table_name, ordinal_position`;
}
