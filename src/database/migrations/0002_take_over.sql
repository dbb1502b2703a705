-- Widens ids to 64 bits, gives every time its zone (uploads, votes and sign-ups were written in the server's zone, the end of
-- processing in UTC), turns varchar into text and gives keys, constraints and defaults one name and one meaning.
-- Rewrites: users, videos, votes

lock table users, videos, votes in access exclusive mode;

-- What earlier writers may have left open; nothing else could be meant by it.
update users set first_name = coalesce(first_name, ''), last_name = coalesce(last_name, '')
where first_name is null or last_name is null;
update videos set title = '' where title is null;
update videos set status = case when processed_url is null then 'uploaded' else 'processed' end::videostatus
where status is null;

-- Constraints and SQLAlchemy's indexes (ix_*) differ in name from one installation to the next: they make room for ours below.
do $$
declare
  old record;
begin
  for old in
    select conrelid::regclass as relation, conname, contype from pg_constraint
    where conrelid in ('users'::regclass, 'videos'::regclass, 'votes'::regclass) and contype in ('f', 'u', 'c', 'p')
    order by contype = 'f' desc
  loop
    if old.contype <> 'p' then
      execute format('alter table %s drop constraint %I', old.relation, old.conname);
    elsif old.conname <> old.relation || '_pkey' then
      execute format('alter table %s rename constraint %I to %I', old.relation, old.conname, old.relation || '_pkey');
    end if;
  end loop;
  for old in
    select indexrelid::regclass as relation from pg_index
    join pg_class on pg_class.oid = indexrelid
    where indrelid in ('users'::regclass, 'videos'::regclass, 'votes'::regclass)
      and not indisprimary and relname like 'ix\_%'
  loop
    execute format('drop index %s', old.relation);
  end loop;
end
$$;

-- One ALTER TABLE a table, so that each is rewritten once.
do $$
declare
  server_zone constant text := current_setting('migrations.legacy_time_zone');
  target record;
begin
  for target in
    select c.table_name,
      string_agg(format('alter column %I drop default', column_name), ', ') as defaults,
      string_agg(
        case
          when data_type in ('smallint', 'integer') then format('alter column %I type bigint', column_name)
          when data_type = 'timestamp without time zone' then format('alter column %1$I type timestamptz using %1$I at time zone %2$L',
            column_name, case when c.table_name = 'videos' and column_name = 'processed_at' then 'UTC' else server_zone end)
          when data_type like 'character%' then format('alter column %I type text', column_name)
        end, ', ') as types
    from information_schema.columns c
    where table_schema = current_schema() and c.table_name in ('users', 'videos', 'votes')
      and column_name in ('id', 'video_id', 'user_id', 'first_name', 'last_name', 'email', 'password_hash', 'city', 'country',
        'created_at', 'title', 'status', 'uploaded_at', 'processed_at', 'original_url', 'processed_url', 'task_id')
      and is_identity = 'NO'
    group by c.table_name
  loop
    execute format('alter table %I %s', target.table_name, target.defaults);
    if target.table_name = 'users' then
      -- Folded without regard to the database's locale. It comes with the rewrite, and costs no second one.
      target.types := concat_ws(', ', target.types, 'add column city_folded text collate "C"
        generated always as (lower(upper(city collate pg_c_utf8))) stored');
    end if;
    if target.types is not null then
      execute format('alter table %I %s', target.table_name, target.types);
    end if;
  end loop;
end
$$;

-- Sequences: 64 bits, owned by their column, and never behind the rows (a restored dump may have left them so).
do $$
declare
  name text;
begin
  foreach name in array array['users', 'videos', 'votes'] loop
    execute format('create sequence if not exists %I', name || '_id_seq');
    execute format('alter sequence %I as bigint owned by %I.id', name || '_id_seq', name);
    execute format('alter table %I alter column id set default nextval(%L)', name, name || '_id_seq');
    execute format('select setval(%L, max(id)) from %I having max(id) >= (select last_value from %I)',
      name || '_id_seq', name, name || '_id_seq');
  end loop;
end
$$;

update users set created_at = now() where created_at is null;
update videos set uploaded_at = coalesce(processed_at, now()) where uploaded_at is null;
update votes set processed_at = now() where processed_at is null;

alter table users
  alter column first_name set not null,
  alter column last_name set not null,
  alter column email set not null,
  alter column password_hash set not null,
  alter column created_at set not null,
  alter column created_at set default now(),
  add constraint users_email_key unique (email);

alter table videos
  alter column title set not null,
  alter column status set not null,
  alter column status set default 'uploaded',
  alter column user_id set not null,
  alter column uploaded_at set not null,
  alter column uploaded_at set default now(),
  add constraint videos_user_id_fkey foreign key (user_id) references users (id);

-- Deleting a video takes its votes along. There is no index on votes.user_id: nothing asks by it, and every vote would pay.
alter table votes
  alter column video_id set not null,
  alter column user_id set not null,
  alter column processed_at set not null,
  alter column processed_at set default now(),
  add constraint votes_video_id_user_id_key unique (video_id, user_id),
  add constraint votes_video_id_fkey foreign key (video_id) references videos (id) on delete cascade,
  add constraint votes_user_id_fkey foreign key (user_id) references users (id) on delete cascade;
