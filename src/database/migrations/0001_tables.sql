-- The three tables as the older system has them, made where there are none.
-- An empty database and an older system's database continue from here along the same path, and so end the same.

do $$
begin
  if to_regtype('videostatus') is null then
    create type videostatus as enum ('processed', 'uploaded', 'public');
  end if;
end
$$;

create table if not exists users (
  id serial primary key,
  first_name text not null,
  last_name text not null,
  email text not null unique,
  password_hash text not null,
  city text,
  country text,
  created_at timestamp
);

create table if not exists videos (
  id serial primary key,
  title text not null,
  status videostatus not null,
  user_id integer not null references users (id),
  uploaded_at timestamp,
  processed_at timestamp,
  original_url text,
  processed_url text,
  task_id text
);

create table if not exists votes (
  id serial primary key,
  video_id integer not null references videos (id),
  user_id integer not null references users (id),
  processed_at timestamp,
  unique (video_id, user_id)
);
