import type { Sql } from '../../src/database/open.ts';

/** The older system's tables as its installations have them: with the least that is known of them ... */
export const plainTables = `
  create type videostatus as enum ('processed', 'uploaded', 'public');
  create table users (
    id serial primary key,
    first_name varchar not null,
    last_name varchar not null,
    email varchar not null unique,
    password_hash varchar not null,
    city varchar,
    country varchar,
    created_at timestamp without time zone
  );
  create table videos (
    id serial primary key,
    title varchar not null,
    status videostatus not null,
    user_id integer not null references users (id),
    uploaded_at timestamp without time zone,
    processed_at timestamp without time zone,
    original_url varchar,
    processed_url varchar,
    task_id varchar
  );
  create table votes (
    id serial primary key,
    video_id integer not null references videos (id),
    user_id integer not null references users (id),
    processed_at timestamp without time zone,
    unique (video_id, user_id)
  )`;

/** ... and with other names, lengths, defaults, indexes and columns that may be null. */
export const ornateTables = `
  create type videostatus as enum ('uploaded', 'processed', 'public');
  create table users (
    id serial,
    first_name varchar(100),
    last_name varchar(100),
    email varchar(255) not null,
    password_hash varchar(255) not null,
    city varchar(100),
    country varchar(100),
    created_at timestamp without time zone not null default now(),
    constraint pk_users primary key (id)
  );
  create index ix_users_id on users (id);
  create unique index ix_users_email on users (email);
  create table videos (
    id serial primary key,
    title varchar(255),
    status videostatus default 'uploaded',
    user_id integer,
    uploaded_at timestamp without time zone default now(),
    processed_at timestamp without time zone,
    original_url varchar(500),
    processed_url varchar(500),
    task_id varchar(255),
    constraint fk_videos_owner foreign key (user_id) references users (id)
  );
  create index ix_videos_id on videos (id);
  create table votes (
    id serial primary key,
    video_id integer,
    user_id integer,
    processed_at timestamp without time zone default now(),
    constraint unique_vote unique (video_id, user_id),
    constraint fk_votes_video foreign key (video_id) references videos (id),
    constraint fk_votes_voter foreign key (user_id) references users (id)
  );
  create index ix_votes_id on votes (id)`;

/** 30 users with three videos each, one in each status; the user n votes for the first n videos. */
export async function fillOlderSystem(sql: Sql): Promise<void> {
  await sql`
    insert into users (first_name, last_name, email, password_hash, city, country, created_at)
    select 'Ana' || n, 'Ruiz', 'Ana.' || n || '@example.com', '$2b$12$hash' || n, case when n % 3 > 0 then 'Bogotá' end,
      'Colombia', timestamp '2025-03-01 08:00:00.123456' + n * interval '1 hour'
    from generate_series(1, 30) as n`;
  await sql`
    insert into videos (title, status, user_id, uploaded_at, processed_at, original_url, processed_url, task_id)
    select 'Video ' || n, status, user_id, timestamp '2025-03-02 20:30:00.654321' + n * interval '1 minute',
      case when status <> 'uploaded' then timestamp '2025-03-03 01:40:00.5' + n * interval '1 minute' end,
      'uploads/user_' || user_id || '_' || n || '.mp4',
      case when status <> 'uploaded' then 'processed/processed_user_' || user_id || '_' || n || '.mp4' end,
      gen_random_uuid()::text
    from generate_series(0, 89) as n,
      lateral (select (array['public', 'processed', 'uploaded'])[1 + n / 30]::videostatus as status, 1 + n % 30 as user_id) as made`;
  await sql`
    insert into votes (video_id, user_id, processed_at)
    select video_id, user_id, timestamp '2025-03-04 23:15:00.000001' + video_id * interval '1 second'
    from generate_series(1, 30) as user_id, generate_series(1, user_id) as video_id`;
}
