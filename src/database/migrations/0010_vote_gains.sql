-- Adds the gains: a batch of votes writes down in one row what the videos' owners gain, and a fold adds that to their counters.
-- A user's counter stands in the indexes of the ranking, so moving it costs as much as everything else about a vote together.

create table vote_gains (
  user_ids bigint[] not null,
  votes bigint[] not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

comment on table vote_gains is 'What users.votes has still to be moved by, user by user; one may stand in it several times';
comment on column users.votes is 'Votes that all videos of this user have received, but for those in vote_gains';
