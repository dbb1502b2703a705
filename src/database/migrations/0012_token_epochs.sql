-- Adds the epoch of each user's tokens: a token counts while its epoch is the user's. Every change is also listed among the
-- revocations, which each web process reads every second, so that its memory of users is never long behind.

alter table users add column token_epoch integer not null default 0;

create table token_revocations (
  id bigint generated always as identity primary key,
  user_id bigint not null,
  epoch integer not null,
  revoked_at timestamptz not null default now()
);

create index token_revocations_revoked_at_idx on token_revocations (revoked_at);

comment on column users.token_epoch is 'Tokens of an earlier epoch are invalid';
comment on table token_revocations is 'Recent ends of tokens; no foreign key, because a deleted user has one too';
