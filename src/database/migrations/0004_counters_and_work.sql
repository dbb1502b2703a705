-- Adds the vote counters, filled from the votes there are, and what the worker needs to know about a video. Every column has a
-- default or may be null, so that writers who do not know of them go on working.

alter table users add column votes bigint not null default 0;

alter table videos
  add column votes bigint not null default 0,
  add column poster_url text,
  add column failure_reason text,
  add column attempt integer not null default 0,
  add column processing_started_at timestamptz,
  add column progress smallint not null default 0 constraint videos_progress_check check (progress between 0 and 100),
  add column request_id text,
  add column profile text,
  add column size_bytes bigint;

update videos set votes = counted.votes
from (select video_id, count(*) as votes from votes group by video_id) as counted
where counted.video_id = videos.id;

update users set votes = counted.votes
from (select user_id, sum(votes)::bigint as votes from videos where votes > 0 group by user_id) as counted
where counted.user_id = users.id;

-- A counter that moves often: room in the page for the row's next version, so that no index is touched for it.
alter table videos set (fillfactor = 80);
-- Rankings are read from their index alone only where vacuum has been lately.
alter table users set (autovacuum_vacuum_scale_factor = 0.02);

comment on column users.votes is 'Votes that all videos of this user have received';
comment on column users.city_folded is 'The city in one case for all of Unicode, to search in';
comment on column videos.attempt is 'The fence: who writes a result must name the attempt that he claimed';
comment on column videos.profile is 'The version of the edit that made the rendition';
